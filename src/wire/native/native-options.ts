import type { Http2Limits } from '../http2/limits.ts';
import type { RpcServerOptions } from '../rpc-server-options.ts';

export interface NativeServerOptions extends RpcServerOptions {
  /** What is particular to this listener; what is left out is as in NATIVE_TUNING. */
  readonly tuning?: Partial<NativeTuning>;
  /** No port is bound: another process accepts the connections, and they come by `take`. */
  readonly isHanded?: boolean;
}

export interface NativeTuning extends Omit<Http2Limits, keyof SharedLimits> {
  /** More are closed at once. Each idle one costs about 10 KiB, with TLS 62 KiB. */
  readonly connectionsMax: number;
  /** Memory of one connection's messages that have arrived only in part. */
  readonly assemblyBytesMax: number;
  /** The same of all connections together. */
  readonly assemblyTotalBytesMax: number;
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
