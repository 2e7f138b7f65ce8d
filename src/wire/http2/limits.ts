import { INITIAL_WINDOW_BYTES } from './protocol.ts';

/**
 * Bounds of one connection. Together they bound its memory:
 *
 *   hpackTableBytesMax (three times over, as objects)  the peer's dynamic table
 *   + headerBlockBytesMax + one frame of 16 KiB        what has arrived only in part
 *   + heldBytesMax + outputBytesMax                    answers that the peer does not take
 *   + concurrentStreamsMax x a stream record           calls (about half a KiB each)
 *   + what the listener keeps of request bodies, which it bounds itself
 *
 * Floods are counted per connection and second. A peer that passes a bound loses its connection with
 * ENHANCE_YOUR_CALM; others notice nothing.
 */
export interface Http2Limits {
  /** Calls at work on one connection; more are refused with REFUSED_STREAM, which callers may retry. */
  readonly concurrentStreamsMax: number;
  /** Decoded size of one request's header fields, by RFC 7541's measure. */
  readonly headerListBytesMax: number;
  /** Encoded size of one request's header block. */
  readonly headerBlockBytesMax: number;
  /** CONTINUATION frames of one header block. */
  readonly continuationFramesMax: number;
  /** SETTINGS_HEADER_TABLE_SIZE. */
  readonly hpackTableBytesMax: number;
  /** Bytes of request bodies that the peer may send ahead, on all streams together. */
  readonly connectionWindowBytes: number;
  /** The same for one stream: SETTINGS_INITIAL_WINDOW_SIZE. */
  readonly streamWindowBytes: number;
  /** Bytes of answers held back because the peer's windows are exhausted. */
  readonly heldBytesMax: number;
  /** Bytes ready to be sent that the transport does not take. */
  readonly outputBytesMax: number;
  /** Streams that ended by RST_STREAM, whoever sent it, except by our own choice. */
  readonly resetsPerSecondMax: number;
  readonly pingsPerSecondMax: number;
  readonly settingsPerSecondMax: number;
  /** DATA frames without data that do not end their stream. */
  readonly emptyDataPerSecondMax: number;
  readonly windowUpdatesPerSecondMax: number;
  /** PRIORITY, unknown types and whatever else asks for nothing. */
  readonly idleFramesPerSecondMax: number;
  /** Time for the preface, a frame, a header block and a request to arrive completely. */
  readonly requestMsMax: number;
  /** Time for which an answer may wait for the peer's window or the transport without progress. */
  readonly stallMsMax: number;
  /** A connection from which nothing came for this long is pinged; 0: never. */
  readonly keepaliveMs: number;
  /** Then something must come within this time. */
  readonly keepaliveTimeoutMs: number;
}

export const HTTP2_LIMITS: Http2Limits = {
  // A call lasts about a Redis round trip: at 1 ms this is a million calls a second and connection.
  concurrentStreamsMax: 1000,
  // Envoy's requests have ten short fields; tracing adds some. Common proxies allow 8 to 64 KiB.
  headerListBytesMax: 16_384,
  headerBlockBytesMax: 32_768,
  // Two hold the largest block; some senders split early.
  continuationFramesMax: 8,
  // The value that holds when nobody says anything.
  hpackTableBytesMax: 4096,
  connectionWindowBytes: 1_048_576,
  streamWindowBytes: INITIAL_WINDOW_BYTES,
  heldBytesMax: 1_048_576,
  outputBytesMax: 4_194_304,
  // Callers with short timeouts reset in earnest when a store is slow, so this only ends what costs
  // several per cent of a core. Work in progress is bounded by concurrentStreamsMax: a reset call
  // keeps its place until its handler has answered.
  resetsPerSecondMax: 10_000,
  // gRPC clients measure the round trip with one ping after another; 4 more per request are free.
  pingsPerSecondMax: 1000,
  // Ordinary peers send one or two in a connection's life.
  settingsPerSecondMax: 50,
  emptyDataPerSecondMax: 1000,
  // Two for each answer, at worst: 4 more per request are free.
  windowUpdatesPerSecondMax: 2000,
  idleFramesPerSecondMax: 1000,
  // Requests are one or two frames; ten seconds are for networks in trouble.
  requestMsMax: 10_000,
  stallMsMax: 20_000,
  // The gRPC libraries' own values: two hours, twenty seconds.
  keepaliveMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
};
