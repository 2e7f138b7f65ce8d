/**
 * What the wire counts, all connections of a server together: plain numbers that only rise, for
 * metrics to read at their own pace.
 */
export interface Http2Counters {
  connectionsOpened: number;
  connectionsClosed: number;
  /** Connections ended by this side for a broken or hostile peer. */
  connectionsFailed: number;
  streamsOpened: number;
  streamsClosed: number;
  /** Streams refused because the connection had concurrentStreamsMax at work. */
  streamsRefused: number;
  /** Streams that the peer reset. */
  streamsReset: number;
  /** Streams reset by this side because the peer broke a rule or a bound. */
  streamsFailed: number;
  /** Requests, answers or transports that made no progress for too long. */
  stalls: number;
  /** Header fields beyond headerListBytesMax or headerBlockBytesMax, or too many CONTINUATIONs. */
  headersTooLarge: number;
  /** Connections ended because answers piled up: heldBytesMax, outputBytesMax. */
  overflows: number;
  resetFloods: number;
  pingFloods: number;
  settingsFloods: number;
  emptyDataFloods: number;
  windowUpdateFloods: number;
  idleFrameFloods: number;
  /** Header blocks that were read field by field, not found as a whole. */
  headerBlocksDecoded: number;
  bytesReceived: number;
  bytesSent: number;
}

export function createHttp2Counters(): Http2Counters {
  return {
    connectionsOpened: 0,
    connectionsClosed: 0,
    connectionsFailed: 0,
    streamsOpened: 0,
    streamsClosed: 0,
    streamsRefused: 0,
    streamsReset: 0,
    streamsFailed: 0,
    stalls: 0,
    headersTooLarge: 0,
    overflows: 0,
    resetFloods: 0,
    pingFloods: 0,
    settingsFloods: 0,
    emptyDataFloods: 0,
    windowUpdateFloods: 0,
    idleFrameFloods: 0,
    headerBlocksDecoded: 0,
    bytesReceived: 0,
    bytesSent: 0,
  };
}
