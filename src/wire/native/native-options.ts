import type { ListenAddress } from '../grpc-js/listen-address.ts';
import type { ServerTls } from '../grpc-js/server-credentials.ts';
import type { Http2Limits } from '../http2/limits.ts';
import type { RpcMethods } from '../rpc-server.ts';

/** Where names are the same as of the grpc-js listener's options, so is the meaning. */
export interface NativeServerOptions {
  readonly listen: ListenAddress;
  readonly methods: RpcMethods;
  /** Longer request messages, also once inflated, become RESOURCE_EXHAUSTED. */
  readonly receiveBytesMax: number;
  /** Longer replies become RESOURCE_EXHAUSTED. */
  readonly sendBytesMax: number;
  /** Calls at work per connection; more are refused, which callers may retry. */
  readonly concurrentStreamsMax: number;
  /** A connection is closed gracefully after this long, ± 10 % by chance; 0: never. */
  readonly connectionAgeMsMax: number;
  /** Then calls on it may finish for this long. */
  readonly connectionAgeGraceMs: number;
  /** A silent connection is pinged after this long, and dropped without an answer; 0: never. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly tls: ServerTls | null;
  /** Told of exceptions that handlers threw. */
  readonly log: (message: string, error: unknown) => void;
  /** What is particular to this listener; what is left out is as in NATIVE_TUNING. */
  readonly tuning?: Partial<NativeTuning>;
}

export interface NativeTuning extends Omit<Http2Limits, keyof SharedLimits> {
  /** More are closed at once. Each idle one costs about 17 KiB, most of it the socket's. */
  readonly connectionsMax: number;
  /** Memory of one connection's messages that have arrived only in part. */
  readonly assemblyBytesMax: number;
  /** Bytes read from one connection before the others have their turn. */
  readonly turnBytesMax: number;
  /** With more output than this waiting for the peer, its requests are not read. */
  readonly backlogBytesMax: number;
  /** How often connections are looked after: the grain of all times above a call's. */
  readonly tickMs: number;
  /** After the last frame a peer has this long to close, before it is cut off. */
  readonly lingerMs: number;
}

/** Limits that both listeners' options name. */
type SharedLimits = Pick<
  Http2Limits,
  'concurrentStreamsMax' | 'keepaliveMs' | 'keepaliveTimeoutMs'
>;
