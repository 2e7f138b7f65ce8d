/** Rows of the recording of events; how they are read: build-events.ts. */
import type { Row } from './row.ts';

const EVENTS = { group: 'Events', status: 'built', origin: 'weir' } as const;

export const EVENTS_ROWS = [
  {
    ...EVENTS,
    name: 'EVENTS_STREAM',
    type: 'string',
    default: '',
    doc:
      'Name of the Redis Stream, in the Redis of the counters, in which audit events are recorded; ' +
      'abuse goes to `<name>:abuse`. Unset: nothing is recorded. The user of `REDIS_AUTH` needs the ' +
      'rights that docs/events.md lists.',
  },
  {
    ...EVENTS,
    name: 'EVENTS_MAXLEN',
    type: 'int',
    unit: 'entries',
    min: 100,
    max: 10_000_000,
    default: '10000',
    doc: 'About how many entries each of the two streams keeps; older ones go.',
  },
] as const satisfies readonly Row[];
