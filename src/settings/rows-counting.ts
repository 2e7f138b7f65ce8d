/** Rows of how requests are counted and answered, and the bounds on what a request may hold. */
import type { Row } from './row.ts';

const COUNTING = { group: 'Counting and answers', status: 'built', origin: 'reference' } as const;
const BOUND = { group: 'Bounds', type: 'int', status: 'built', origin: 'weir', min: 1 } as const;

export const COUNTING_ROWS = [
  {
    ...COUNTING,
    name: 'STORE_FAILURE_MODE',
    type: 'enum',
    values: ['local', 'open', 'closed', 'error'],
    default: 'local',
    origin: 'weir',
    doc:
      'What is answered while Redis cannot serve, where limits files say nothing: by a share of the ' +
      'limit in memory, OK, OVER_LIMIT, or an error as the reference does.',
  },
  {
    ...COUNTING,
    name: 'LOCAL_LIMITER_REPLICAS',
    type: 'int',
    min: 1,
    max: 10_000,
    unit: 'replicas',
    default: '1',
    origin: 'weir',
    doc:
      'Replicas that share a limit while Redis cannot serve: in mode local each grants that ' +
      'part of it.',
  },
  {
    ...COUNTING,
    name: 'BACKEND_TYPE',
    type: 'enum',
    values: ['redis', 'memory'],
    refusedValues: {
      memcache: 'counters in Memcached are not built: use BACKEND_TYPE=redis or memory',
    },
    default: '',
    doc:
      'Where counters live. Unset: `redis` when `REDIS_URL` is set, else `memory` (counters of ' +
      'one process, lost at its end).',
  },
  {
    ...COUNTING,
    origin: 'weir',
    name: 'KEY_FORMAT',
    type: 'enum',
    values: ['exact', 'reference'],
    default: 'exact',
    doc:
      'Spelling of counter keys. `exact`: no two descriptors share a key, windows by the clock ' +
      'of Redis; of a key beyond 1,024 characters the rest is replaced by a SHA-256 of the ' +
      'whole. `reference`: the keys of envoyproxy/ratelimit, so that both count together on ' +
      'one Redis during a migration.',
  },
  {
    ...COUNTING,
    name: 'CACHE_KEY_PREFIX',
    type: 'string',
    default: '',
    doc: 'Put in front of every counter key.',
  },
  {
    ...COUNTING,
    name: 'EXPIRATION_JITTER_MAX_SECONDS',
    type: 'int',
    min: 0,
    max: 31_536_000,
    unit: 'seconds',
    default: '300',
    doc:
      'With `KEY_FORMAT=reference`: most seconds by which a key outlives its window, by ' +
      'chance. `exact` keys end with their window.',
  },
  {
    ...COUNTING,
    name: 'LOCAL_CACHE_SIZE_IN_BYTES',
    type: 'int',
    min: 0,
    max: 68_719_476_736,
    unit: 'bytes',
    default: '0',
    doc:
      'Memory for remembering counters that are over until their window ends, so that they are ' +
      'answered without Redis. 0 turns it off.',
  },
  {
    ...COUNTING,
    name: 'NEAR_LIMIT_RATIO',
    type: 'float',
    min: 0,
    max: 1,
    default: '0.8',
    doc: 'Part of a limit beyond which hits count as `near_limit`.',
  },
  {
    ...COUNTING,
    name: 'STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT',
    type: 'bool',
    default: 'false',
    doc: 'When one descriptor of a request is over, do not charge its other counters.',
  },
  {
    ...COUNTING,
    name: 'SHADOW_MODE',
    type: 'bool',
    default: 'false',
    doc: 'Count everything, refuse nothing.',
  },
  {
    ...COUNTING,
    name: 'QUOTA_MODE',
    type: 'bool',
    default: 'false',
    doc: 'Treat every rule as a quota rule: a request is over only when all its rules are.',
  },
  {
    ...COUNTING,
    name: 'RESPONSE_DYNAMIC_METADATA',
    type: 'bool',
    default: 'false',
    doc: 'Tell Envoy in dynamic metadata what was asked and which rule metadata applies.',
  },
  {
    ...COUNTING,
    name: 'LIMIT_RESPONSE_HEADERS_ENABLED',
    type: 'bool',
    default: 'false',
    doc: 'Add headers with limit, remaining and reset to answers.',
  },
  {
    ...COUNTING,
    name: 'LIMIT_LIMIT_HEADER',
    type: 'header-name',
    default: 'RateLimit-Limit',
    doc: 'Header of the limit.',
  },
  {
    ...COUNTING,
    name: 'LIMIT_REMAINING_HEADER',
    type: 'header-name',
    default: 'RateLimit-Remaining',
    doc: 'Header of what is left of it.',
  },
  {
    ...COUNTING,
    name: 'LIMIT_RESET_HEADER',
    type: 'header-name',
    default: 'RateLimit-Reset',
    doc: 'Header of the seconds until the window ends.',
  },
  {
    ...BOUND,
    name: 'MEMORY_KEYS_MAX',
    max: 16_000_000,
    unit: 'counters',
    default: '1000000',
    doc:
      'Most counters kept in memory (some 200 bytes each); beyond it the unit with most ' +
      'counters gives up its smallest counts.',
  },
  {
    ...BOUND,
    name: 'REDIS_BATCH_CHARGES_MAX',
    max: 7000,
    unit: 'charges',
    default: '1000',
    doc:
      'Most charges in one script call: one call blocks Redis, and Lua unpacks no more than ' +
      'some 8,000 values. Not below `REQUEST_DESCRIPTORS_MAX`. Nor does a call hold more than 4 ' +
      'MiB of keys, unless one request does.',
  },
  {
    ...BOUND,
    name: 'REDIS_QUEUED_REQUESTS_MAX',
    max: 10_000_000,
    unit: 'requests',
    default: '20000',
    doc:
      'Most requests waiting for Redis; beyond it they are answered as failed at once, so that ' +
      'a slow Redis costs no memory. So they are beyond 2,048 characters of keys for each of ' +
      'these, a charge counting 128 more.',
  },
  {
    ...BOUND,
    name: 'REQUEST_MESSAGE_BYTES_MAX',
    max: 67_108_864,
    unit: 'bytes',
    default: '1048576',
    doc:
      'Largest request message. A request has some hundred bytes, and Envoy takes at most 60 KiB ' +
      'of headers to make it from.',
  },
  {
    ...BOUND,
    name: 'REQUEST_DOMAIN_BYTES_MAX',
    max: 65_536,
    unit: 'bytes',
    default: '1024',
    doc: 'Longest domain of a request.',
  },
  {
    ...BOUND,
    name: 'REQUEST_DESCRIPTORS_MAX',
    max: 65_536,
    unit: 'descriptors',
    default: '256',
    doc: 'Most descriptors in a request: each is a counter to charge.',
  },
  {
    ...BOUND,
    name: 'REQUEST_ENTRIES_MAX',
    max: 4096,
    unit: 'entries',
    default: '64',
    doc: 'Most entries in a descriptor: each is a level to match.',
  },
  {
    ...BOUND,
    name: 'REQUEST_KEY_BYTES_MAX',
    max: 1_048_576,
    unit: 'bytes',
    default: '4096',
    doc: 'Longest key of an entry.',
  },
  {
    ...BOUND,
    name: 'REQUEST_VALUE_BYTES_MAX',
    max: 16_777_216,
    unit: 'bytes',
    default: '65536',
    doc: 'Longest value of an entry; whole tokens and paths fit.',
  },
] as const satisfies readonly Row[];
