/**
 * How ioredis is told to connect, for every connection that Weir makes: to a Redis, to one that is
 * asked for its role, to a Sentinel. One client is one attempt: it never connects again by itself,
 * queues nothing and sends nothing twice.
 */
import type { DurationMs } from '../../core/time.ts';
import type { NodeAddress } from './redis-options.ts';
import { type RedisTls, readRedisTls, type TlsConnectOptions } from './redis-tls.ts';

/** A peer that does not close its side after ours is left behind after this. */
const DISCONNECT_MS = 20;
/** A server that loads its data says for how long, in whole seconds: too coarse to wait by. */
const LOADING_ASKED_EVERY_MS = 100;

export interface PeerOptions {
  readonly address: NodeAddress;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number;
  readonly tls: RedisTls | null;
  readonly connectTimeoutMs: DurationMs;
  /** A peer that owes a reply and stays silent for so long is dropped. */
  readonly silenceMaxMs: DurationMs;
  /** 2 where replies are read as flat lists. */
  readonly protocol: 2 | 3;
  /** Awaits that the server has its data in memory. */
  readonly awaitsLoading: boolean;
}

/** Throws when a TLS file cannot be used. */
export function ioredisOptions(peer: PeerOptions) {
  const { address, username, password, db, tls } = peer;
  const secure: TlsConnectOptions | null = tls === null ? null : readRedisTls(tls);
  return {
    ...address,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(secure === null ? {} : { tls: secure }),
    db: db ?? 0,
    protocol: peer.protocol,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: peer.awaitsLoading,
    maxLoadingRetryTime: LOADING_ASKED_EVERY_MS,
    // CLIENT SETINFO would be one more right to grant, and older servers do not know it.
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: peer.connectTimeoutMs,
    socketTimeout: peer.silenceMaxMs,
    disconnectTimeout: DISCONNECT_MS,
    retryStrategy: () => null,
  };
}
