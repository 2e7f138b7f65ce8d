import type { ListenAddress } from './listen-address.ts';
import type { RpcMethods } from './rpc-server.ts';
import type { ServerTls } from './server-tls.ts';

/** What both listeners are told, with the same meaning. */
export interface RpcServerOptions {
  readonly listen: ListenAddress;
  readonly methods: RpcMethods;
  /**
   * Longer request messages, also once inflated, become RESOURCE_EXHAUSTED before a handler sees
   * them. Keep it above the handlers' own bound, whose answer names the setting.
   */
  readonly receiveBytesMax: number;
  /** Longer replies become RESOURCE_EXHAUSTED. */
  readonly sendBytesMax: number;
  /** Per connection. Callers know it, and wait with more or open another connection. */
  readonly concurrentStreamsMax: number;
  /** A connection is closed gracefully after this long, ± 10 % by chance; 0: never. */
  readonly connectionAgeMsMax: number;
  /** Then calls on it may finish for this long; 0: for ever. */
  readonly connectionAgeGraceMs: number;
  /** A silent connection is pinged after this long, and dropped without an answer; 0: never. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly tls: ServerTls | null;
  /** Told of exceptions that handlers threw. */
  readonly log: (message: string, error: unknown) => void;
}
