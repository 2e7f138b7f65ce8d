/**
 * What the Redis store is told. Everything has a default but where Redis is and how keys are
 * written.
 */
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';
import type { ChargeGroup } from '../../limiter/counter-store.ts';
import type { CallOutcomes } from './call-outcomes.ts';
import { type CallRoute, ONLY_ROUTE } from './call-route.ts';
import { ErrorCounts } from './error-counts.ts';
import type { RedisErrorRow } from './redis-errors.ts';
import type { RedisTls } from './redis-tls.ts';
import { loadScript, type Script } from './scripts/load.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** One server. */
export type NodeAddress = HostPort | { readonly path: string };

/** A primary that Sentinels watch, by its name there. */
export interface SentinelAddress {
  readonly primary: string;
  /** At most SENTINELS_MAX. */
  readonly sentinels: readonly HostPort[];
  readonly username?: string;
  readonly password?: string;
}

/** More than anybody runs: each is polled several times a second. */
export const SENTINELS_MAX = 32;

/** Whichever node of a cluster owns a slot. */
export interface SlotAddress {
  /** Nodes to find the others by. */
  readonly seeds: readonly HostPort[];
  readonly slot: number;
}

export type RedisAddress = NodeAddress | SentinelAddress | SlotAddress;

/** What happened to the connection, for the log. `text` holds no credentials. */
export interface RedisEvent {
  readonly kind: 'ready' | 'lost' | 'moved' | 'error';
  readonly address: string;
  readonly text: string;
  /** Of an error that has a row in redis-errors.ts, and what was asked for when it came. */
  readonly row?: RedisErrorRow;
  readonly command?: string;
  /** Errors of the class that had no event since its last one. */
  readonly leftOut?: number;
}

export interface RedisStoreOptions {
  readonly address: RedisAddress;
  /** For the Sentinels too. Null or absent: no TLS. */
  readonly tls?: RedisTls | null;
  /** What a call carries out; the charge script when absent. */
  readonly script?: Script;
  /** Where errors are counted; may be shared by several stores. */
  readonly errors?: ErrorCounts;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  /**
   * `reference`: the store appends the window's start, by `now`, and sets a TTL with each charge.
   */
  readonly keyFormat: 'exact' | 'reference';
  /** Each group is answered within this, counted from `charge`. */
  readonly timeoutMs?: DurationMs;
  /** Reference format only: up to so many seconds, exclusive, are added to each TTL. */
  readonly expirationJitterMaxSeconds?: number;
  /** Cuts the windows of the reference format; the exact one goes by Redis's clock. */
  readonly now?: () => WallMs;
  /** 0..1, exclusive: chooses the jitter. */
  readonly random?: () => number;
  readonly monotonic?: () => MonotonicMs;
  readonly onEvent?: (event: RedisEvent) => void;
  /** `start` rejects after this; the store keeps connecting all the same. */
  readonly startMaxMs?: DurationMs;
  readonly connectTimeoutMs?: DurationMs;
  /** A connection that owes a reply and has been silent for this long is dropped. */
  readonly silenceMaxMs?: DurationMs;
  /** Longest pause between two attempts to connect. */
  readonly retryMaxMs?: DurationMs;
  /** Charges in one call of the script: bounds how long it keeps Redis busy (about 0.5 µs each). */
  readonly chargesPerCallMax?: number;
  /**
   * Characters of the keys in one call, and 128 for each charge; a group that is larger goes alone.
   * Bounds what is copied and hashed in one turn, far from the longest string there can be.
   */
  readonly charactersPerCallMax?: number;
  /**
   * Groups that wait for their call; beyond it they fail at once as overloaded. So they do beyond
   * QUEUED_CHARACTERS_PER_GROUP times it in characters, unless nothing else waits.
   */
  readonly groupsQueuedMax?: number;
  /** What all keys begin with: those of the charges do already. */
  readonly keyPrefix?: string;
  /** The route of a group, which all its charges share. */
  readonly routeOf?: (group: ChargeGroup) => CallRoute;
  /** Answers that send a call elsewhere (MOVED, ASK, TRYAGAIN) are refusals for the caller to follow. */
  readonly isClusterNode?: boolean;
  /** Shared by all stores of a cluster; one of its own when absent. */
  readonly outcomes?: CallOutcomes;
}

type Absent = 'username' | 'password' | 'outcomes';
export type CompleteRedisOptions = Required<Omit<RedisStoreOptions, Absent>> &
  Pick<RedisStoreOptions, Absent>;

/**
 * Some ten ordinary charges, each with the 128 characters that count for it besides its key: more
 * than a request has, so that this bound is felt by large requests only.
 */
export const QUEUED_CHARACTERS_PER_GROUP = 2048;

const DEFAULTS = {
  tls: null,
  db: 0,
  timeoutMs: 10,
  expirationJitterMaxSeconds: 300,
  now: Date.now,
  random: Math.random,
  monotonic: () => performance.now(),
  onEvent: () => {},
  startMaxMs: 10_000,
  connectTimeoutMs: 1000,
  silenceMaxMs: 500,
  // With an attempt itself it stays below a second: so soon does Redis decide again when it is back.
  retryMaxMs: 500,
  chargesPerCallMax: 4096,
  charactersPerCallMax: 4_194_304,
  groupsQueuedMax: 65_536,
  keyPrefix: '',
  routeOf: () => ONLY_ROUTE,
  isClusterNode: false,
};

/** Numbers that must be whole, with their least value. */
const WHOLE = {
  db: 0,
  timeoutMs: 1,
  expirationJitterMaxSeconds: 0,
  startMaxMs: 1,
  connectTimeoutMs: 1,
  silenceMaxMs: 1,
  retryMaxMs: 1,
  chargesPerCallMax: 1,
  charactersPerCallMax: 1,
  groupsQueuedMax: 1,
} as const;

/** Fills in the defaults; throws a RangeError that names the option and its bound. */
export function completeOptions(options: RedisStoreOptions): CompleteRedisOptions {
  const { script = loadScript('charge') } = options;
  const complete = { ...DEFAULTS, errors: new ErrorCounts(), ...options, script };
  for (const [name, least] of Object.entries(WHOLE)) {
    const value = complete[name as keyof typeof WHOLE];
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} must be a whole number of at least ${least}, not ${value}`);
    }
  }
  const { address } = complete;
  if ('sentinels' in address && address.sentinels.length > SENTINELS_MAX) {
    throw new RangeError(
      `there may be ${SENTINELS_MAX} sentinels, not ${address.sentinels.length}`,
    );
  }
  return complete;
}

/** `host:port`, the path of the socket, the name of the primary, or what is looked for in a cluster. */
export function addressText(address: RedisAddress): string {
  if ('path' in address) return address.path;
  if ('slot' in address) return `owner of slot ${address.slot}`;
  if ('sentinels' in address) return `primary ${address.primary}`;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
