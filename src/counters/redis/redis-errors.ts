/**
 * What can go wrong between Weir and a Redis, as data: one row per class. Errors that Redis answers
 * with are told by how their text begins, the longest beginning first; what has no row is refused
 * as it stands. Errors of the connection itself have codes of the system, of TLS and of the client.
 */
import type { StoreFailure, StoreFailureCode } from '../../limiter/counter-store.ts';

/** What is done about an error, besides failing the groups it hit. */
export interface RedisErrorRow {
  /** Value of the label `class`: from this table only. */
  readonly name: string;
  /** Beginnings of error texts, whole words; for the connection's own, codes. */
  readonly stands: readonly string[];
  /** `unavailable` is the fault of the server or the way there and counts for the breaker. */
  readonly code: StoreFailureCode;
  /** The same call is sent again at once, with the script's text. */
  readonly isRetried: boolean;
  /** The connection is given up: another one may reach a server that can serve. */
  readonly isReconnected: boolean;
  readonly severity: 'INFO' | 'WARN' | 'ERROR';
  /** One sentence for the operator. */
  readonly advice: string;
}

const REFUSED = {
  code: 'refused',
  isRetried: false,
  isReconnected: false,
  severity: 'ERROR',
} as const;
const OUTAGE = { ...REFUSED, code: 'unavailable', severity: 'WARN' } as const;
const ELSEWHERE = { ...OUTAGE, isReconnected: true } as const;

/** Our own word for a reply that makes no sense: no server says it. */
const UNEXPECTED = 'UNEXPECTED';

/** What is told of such a reply. */
export const UNEXPECTED_TEXT = `${UNEXPECTED} reply to the charge script`;

/** Errors that a server answers with. */
export const REPLY_ERRORS = [
  {
    ...REFUSED,
    name: 'noscript',
    stands: ['NOSCRIPT'],
    isRetried: true,
    severity: 'INFO',
    advice: 'Usual after a restart or SCRIPT FLUSH: the script was sent along and nothing is lost.',
  },
  {
    ...OUTAGE,
    name: 'loading',
    stands: ['LOADING'],
    advice: 'Redis reads its data from disk after a start: wait for it.',
  },
  {
    ...OUTAGE,
    name: 'busy',
    stands: ['BUSY'],
    advice: 'A script of somebody else blocks Redis: find it, and end it with SCRIPT KILL.',
  },
  {
    ...OUTAGE,
    name: 'masterdown',
    stands: ['MASTERDOWN'],
    advice:
      'A replica without its primary was asked: name the primary, or use REDIS_TYPE=SENTINEL.',
  },
  {
    ...OUTAGE,
    name: 'noreplicas',
    stands: ['NOREPLICAS'],
    advice: 'Too few replicas for min-replicas-to-write are connected: bring them back.',
  },
  {
    ...OUTAGE,
    name: 'tryagain',
    stands: ['TRYAGAIN'],
    advice: 'Usual while a cluster moves slots; it passes.',
  },
  {
    ...OUTAGE,
    name: 'clusterdown',
    stands: ['CLUSTERDOWN'],
    advice: 'The cluster does not serve this slot: look at CLUSTER INFO on its nodes.',
  },
  {
    ...ELSEWHERE,
    name: 'readonly',
    stands: ['READONLY'],
    advice: 'A replica was written to, as after a failover: the primary is looked for again.',
  },
  {
    ...ELSEWHERE,
    name: 'moved',
    stands: ['MOVED'],
    advice: 'A node of a cluster was taken for a single Redis: set REDIS_TYPE=CLUSTER.',
  },
  {
    ...ELSEWHERE,
    name: 'ask',
    stands: ['ASK'],
    advice: 'A node of a cluster was taken for a single Redis: set REDIS_TYPE=CLUSTER.',
  },
  {
    ...ELSEWHERE,
    name: 'unblocked',
    stands: ['UNBLOCKED'],
    advice: 'The server changed its role, as in a failover: the primary is looked for again.',
  },
  {
    ...REFUSED,
    name: 'oom',
    stands: ['OOM'],
    advice:
      'Redis is at maxmemory and may not evict: raise it, or set maxmemory-policy volatile-ttl.',
  },
  {
    ...REFUSED,
    name: 'misconf',
    stands: ['MISCONF'],
    advice: 'Redis cannot save its data and refuses writes: look at its log and its disk.',
  },
  {
    ...REFUSED,
    name: 'noauth',
    stands: ['NOAUTH', 'ERR invalid password'],
    advice: 'Redis wants a password: set REDIS_AUTH.',
  },
  {
    ...REFUSED,
    name: 'wrongpass',
    stands: ['WRONGPASS'],
    advice: 'User or password is wrong: compare REDIS_AUTH with ACL LIST on Redis.',
  },
  {
    ...REFUSED,
    name: 'noperm',
    // The second is what Redis 7.0 says of a command within a script.
    stands: ['NOPERM', 'ERR The user executing the script'],
    advice: 'The user of REDIS_AUTH lacks a right: docs/redis.md lists the commands it needs.',
  },
  {
    ...REFUSED,
    name: 'unknown_command',
    stands: ['ERR unknown command'],
    advice: 'The server lacks a command: it is too old, a proxy, or has the command renamed.',
  },
  {
    ...ELSEWHERE,
    name: 'max_clients',
    stands: ['ERR max number of clients reached'],
    advice: 'Redis takes no more connections: raise its maxclients.',
  },
  {
    ...REFUSED,
    name: 'no_database',
    stands: ['ERR DB index is out of range', 'ERR SELECT'],
    advice:
      'The database number in REDIS_URL does not exist there: raise databases, or leave it out.',
  },
  {
    ...OUTAGE,
    name: 'unknown_primary',
    stands: ['ERR No such master with that name', 'IDONTKNOW'],
    severity: 'ERROR',
    advice: 'The Sentinel does not know the name that REDIS_URL begins with: see SENTINEL MASTERS.',
  },
  {
    ...REFUSED,
    name: 'wrongtype',
    stands: ['WRONGTYPE'],
    advice:
      'Something else lies under the key of a counter: set CACHE_KEY_PREFIX or another database.',
  },
  {
    ...REFUSED,
    name: 'crossslot',
    stands: ['CROSSSLOT'],
    advice: 'A node of a cluster was taken for a single Redis: set REDIS_TYPE=CLUSTER.',
  },
  {
    ...REFUSED,
    name: 'no_cluster',
    stands: ['ERR This instance has cluster support disabled'],
    advice: 'A single Redis was taken for a node of a cluster: set REDIS_TYPE=SINGLE.',
  },
  {
    ...REFUSED,
    name: 'unexpected',
    stands: [UNEXPECTED],
    advice: 'The reply is not one of the script: a proxy, or something else than Redis, answers.',
  },
  {
    ...REFUSED,
    name: 'err',
    stands: ['ERR'],
    advice: 'The text says what Redis refused; a counter that holds no number is the usual cause.',
  },
] as const satisfies readonly RedisErrorRow[];

/** What has no row of its own. */
const UNKNOWN_REPLY = {
  ...REFUSED,
  name: 'other',
  stands: [],
  advice: 'An error that Weir does not know: the text is all there is.',
} as const satisfies RedisErrorRow;

/** Errors of the connection itself. Calls that were under way have an unknown outcome. */
export const CONNECTION_ERRORS = [
  {
    ...OUTAGE,
    name: 'refused',
    stands: ['ECONNREFUSED', 'ENOENT', 'EACCES'],
    advice: 'Nothing listens there: is Redis running, and is REDIS_URL right?',
  },
  {
    ...OUTAGE,
    name: 'reset',
    stands: ['ECONNRESET', 'EPIPE', 'ECONNABORTED'],
    advice:
      'The other side cut the connection: look for a restart, a proxy, or TLS on one side only.',
  },
  {
    ...OUTAGE,
    name: 'unreachable',
    stands: ['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL'],
    advice: 'The network has no way there: look at routes and network policies.',
  },
  {
    ...OUTAGE,
    name: 'timed_out',
    stands: ['ETIMEDOUT', 'SOCKET_TIMEOUT'],
    advice:
      'The server or the network does not answer: look at the load of Redis and at firewalls.',
  },
  {
    ...OUTAGE,
    name: 'name_not_found',
    stands: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'],
    advice: 'The name of the host cannot be resolved: compare REDIS_URL with the DNS.',
  },
  {
    ...OUTAGE,
    name: 'tls',
    stands: [
      'ERR_TLS',
      'ERR_SSL',
      'ERR_OSSL',
      'EPROTO',
      'CERT_',
      'UNABLE_TO_',
      'SELF_SIGNED_',
      'DEPTH_ZERO_',
      'INVALID_CA',
      'HOSTNAME_MISMATCH',
    ],
    severity: 'ERROR',
    advice: 'TLS failed: compare the REDIS_TLS variables with the certificate that Redis shows.',
  },
  {
    ...OUTAGE,
    name: 'protocol',
    stands: ['PARSER'],
    severity: 'ERROR',
    advice: 'The answer is not the protocol of Redis: what listens there is something else.',
  },
  {
    ...OUTAGE,
    name: 'no_primary',
    stands: ['NO_PRIMARY'],
    advice: 'No primary can be found by the Sentinels: the text says what each of them answered.',
  },
  {
    ...OUTAGE,
    name: 'lost',
    stands: [],
    advice: 'The connection ended with calls under way: whether they counted is unknown.',
  },
] as const satisfies readonly RedisErrorRow[];

const LOST = CONNECTION_ERRORS.at(-1) as RedisErrorRow;

/** All rows, for metrics and for the page that shows them. */
export const REDIS_ERROR_ROWS: readonly RedisErrorRow[] = [
  ...REPLY_ERRORS,
  UNKNOWN_REPLY,
  ...CONNECTION_ERRORS,
];

const BY_WORD = byFirstWord();

function byFirstWord(): ReadonlyMap<string, readonly [start: string, row: RedisErrorRow][]> {
  const map = new Map<string, [string, RedisErrorRow][]>();
  const starts = REPLY_ERRORS.flatMap((row) => row.stands.map((start) => [start, row] as const));
  for (const [start, row] of starts.toSorted(([a], [b]) => b.length - a.length)) {
    const word = firstWord(start);
    map.set(word, [...(map.get(word) ?? []), [start, row]]);
  }
  return map;
}

function firstWord(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}

/** The row of an error's text. */
export function redisErrorRow(text: string): RedisErrorRow {
  const rows = BY_WORD.get(firstWord(text)) ?? [];
  return rows.find(([start]) => text.startsWith(start))?.[1] ?? UNKNOWN_REPLY;
}

/** The row of an error that is no answer of Redis. */
export function connectionErrorRow(error: unknown): RedisErrorRow {
  const code = codeOf(error);
  const isIts = ({ stands }: RedisErrorRow) => stands.some((start) => code.startsWith(start));
  return code === '' ? LOST : (CONNECTION_ERRORS.find(isIts) ?? LOST);
}

/** What ioredis says of bytes that are no answer, or one answer too many. */
const NOT_REDIS = /^(?:Unknown RESP type|Command queue state error)/;

/** The client gives silence and broken answers no code. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (NOT_REDIS.test(error.message)) return 'PARSER';
  if (error.message.startsWith('Socket timeout')) return 'SOCKET_TIMEOUT';
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : '';
}

/** A node of a cluster says that the call belongs to another one, or is to be made differently. */
export function isRedirection(text: string): boolean {
  return /^(?:MOVED|ASK|TRYAGAIN) /.test(text);
}

/** The script had begun when a command of it was refused. */
export function isFromScript(text: string): boolean {
  return text.includes('@user_script');
}

/** What a group is failed with. */
export function failureOf(text: string): StoreFailure {
  return { code: redisErrorRow(text).code, text: `redis: ${text}` };
}
