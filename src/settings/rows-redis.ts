/** Rows of the Redis that holds the counters. */
import type { Row } from './row.ts';

const YEAR_MS = 31_536_000_000;
const INT_MAX = 2_147_483_647;
const REDIS = { group: 'Redis', status: 'built', origin: 'reference' } as const;
export const NO_POOL = {
  status: 'warned',
  because: 'there is no pool: all requests share one multiplexed connection',
} as const;
export const NO_PIPELINE_TUNING = {
  status: 'warned',
  because: 'requests that arrive while a call is in flight always travel together',
} as const;
const NO_STARTUP = {
  status: 'warned',
  because: 'Weir serves without waiting for Redis and keeps trying to reach it',
} as const;
const UNKNOWN_TYPE = 'Unrecognized redis type {value}';

export const REDIS_ROWS = [
  {
    ...REDIS,
    name: 'REDIS_URL',
    type: 'string',
    default: '/var/run/nutcracker/ratelimit.sock',
    secret: true,
    doc:
      'Where Redis is: `host:port`, `redis://[user:password@]host[:port][/database]` (`rediss://` ' +
      'with TLS), or the path of a unix socket. With `REDIS_TYPE=SENTINEL` the name of the ' +
      'primary and the Sentinels, `mymaster,host1:26379,host2:26379`; with `REDIS_TYPE=CLUSTER` ' +
      'some of its nodes, `host1:6379,host2:6379`.',
  },
  {
    ...REDIS,
    name: 'REDIS_SOCKET_TYPE',
    type: 'enum',
    values: ['unix', 'tcp'],
    default: 'unix',
    doc: 'Kind of socket in `REDIS_URL`. Unset, a `REDIS_URL` that is no path is taken as tcp.',
  },
  {
    ...REDIS,
    name: 'REDIS_TYPE',
    type: 'enum',
    values: ['SINGLE', 'SENTINEL', 'CLUSTER'],
    unknownText: UNKNOWN_TYPE,
    default: 'SINGLE',
    doc:
      'One Redis, a primary that Sentinels watch, or a Redis Cluster; the cluster needs ' +
      '`KEY_FORMAT=exact`.',
  },
  {
    ...REDIS,
    name: 'REDIS_AUTH',
    type: 'string',
    default: '',
    secret: true,
    doc:
      'Password, or `user:password`. Goes before what `REDIS_URL` names. The page on failures ' +
      'lists the commands that the user needs.',
  },
  {
    ...REDIS,
    name: 'REDIS_TIMEOUT',
    type: 'duration',
    min: 1,
    max: 60_000,
    default: '10ms',
    doc:
      'Longest wait for Redis before a request is answered in its place. Envoy waits 20ms for the ' +
      'whole call unless told otherwise, so half of it is left for the way there and back; Redis ' +
      'itself needs a fraction of one. The reference waits 10s, when nobody listens any more.',
  },
  {
    ...REDIS,
    name: 'REDIS_HEALTH_CHECK_ACTIVE_CONNECTION',
    type: 'bool',
    default: 'false',
    doc: 'Report unhealthy while there is no connection to Redis.',
  },
  {
    ...REDIS,
    name: 'REDIS_TLS',
    type: 'bool',
    default: 'false',
    doc: 'Speak TLS to Redis, and to its Sentinels. The PEM files are read for each connection.',
  },
  {
    ...REDIS,
    name: 'REDIS_TLS_CLIENT_CERT',
    type: 'path',
    default: '',
    doc: 'PEM file of the client certificate for Redis.',
  },
  {
    ...REDIS,
    name: 'REDIS_TLS_CLIENT_KEY',
    type: 'path',
    default: '',
    doc: 'PEM file of the client key for Redis.',
  },
  {
    ...REDIS,
    name: 'REDIS_TLS_CACERT',
    type: 'path',
    default: '',
    doc: 'PEM file of the authorities that Redis must come from. Unset: those the system knows.',
  },
  {
    ...REDIS,
    name: 'REDIS_TLS_SKIP_HOSTNAME_VERIFICATION',
    type: 'bool',
    default: 'false',
    doc: 'Do not compare the name in the certificate of Redis; the chain is checked all the same.',
  },
  {
    ...REDIS,
    name: 'REDIS_SENTINEL_AUTH',
    type: 'string',
    default: '',
    secret: true,
    doc: 'Password, or `user:password`, of the Sentinels.',
  },
  {
    ...REDIS,
    ...NO_POOL,
    name: 'REDIS_POOL_SIZE',
    type: 'int',
    min: 0,
    max: INT_MAX,
    unit: 'connections',
    default: '10',
    doc: 'Connections to Redis in the reference.',
  },
  {
    ...REDIS,
    ...NO_POOL,
    name: 'REDIS_POOL_ON_EMPTY_BEHAVIOR',
    type: 'enum',
    values: ['WAIT', 'CREATE', 'ERROR'],
    default: 'WAIT',
    doc: 'What the reference does when all connections are taken.',
  },
  {
    ...REDIS,
    ...NO_PIPELINE_TUNING,
    name: 'REDIS_PIPELINE_WINDOW',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '0',
    doc: 'Time the reference gathers commands before it sends them.',
  },
  {
    ...REDIS,
    ...NO_PIPELINE_TUNING,
    name: 'REDIS_PIPELINE_LIMIT',
    type: 'int',
    min: 0,
    max: INT_MAX,
    unit: 'commands',
    default: '0',
    doc: 'Most commands the reference gathers. See `REDIS_BATCH_CHARGES_MAX`.',
  },
  {
    ...REDIS,
    ...NO_PIPELINE_TUNING,
    name: 'REDIS_CLUSTER_PIPELINE_PARALLELISM',
    type: 'int',
    min: 0,
    max: INT_MAX,
    unit: 'pipelines',
    default: '1',
    doc: 'Pipelines the reference runs side by side on a cluster.',
  },
  {
    ...REDIS,
    ...NO_STARTUP,
    name: 'REDIS_STARTUP_INITIAL_INTERVAL',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '1s',
    doc: 'First pause of the reference between attempts to reach Redis at start.',
  },
  {
    ...REDIS,
    ...NO_STARTUP,
    name: 'REDIS_STARTUP_MAX_INTERVAL',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '30s',
    doc: 'Longest such pause.',
  },
  {
    ...REDIS,
    ...NO_STARTUP,
    name: 'REDIS_STARTUP_MAX_ELAPSED_TIME',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '0',
    doc: 'Time after which the reference gives up at start; 0 is never.',
  },
  {
    ...REDIS,
    name: 'REDIS_CLOSE_CONNECTION_ON_READONLY_ERROR',
    type: 'bool',
    default: 'false',
    status: 'warned',
    doc: 'In newer references: leave a Redis that became a read-only replica.',
    because: 'this is always done',
  },
] as const satisfies readonly Row[];
