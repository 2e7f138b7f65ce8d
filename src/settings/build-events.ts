/** Where events are recorded, or null. */
import type { Findings } from './build-settings.ts';
import { quotable } from './parse-value.ts';
import type { EventSettings } from './settings.ts';

/** Braces would move the key to another slot of a cluster than the tag that Weir puts around it. */
const STREAM = /^[A-Za-z0-9][A-Za-z0-9:._-]{0,199}$/;

export function eventsOf(
  { values, isSet, problems, notes }: Findings,
  backend: 'redis' | 'memory',
): EventSettings | null {
  const stream = values.EVENTS_STREAM;
  if (stream === '') {
    if (isSet('EVENTS_MAXLEN'))
      notes.push('EVENTS_MAXLEN has no effect while EVENTS_STREAM is unset');
    return null;
  }
  if (!STREAM.test(stream)) {
    problems.push(
      `EVENTS_STREAM="${quotable(stream)}" must be a name of 1 to 200 letters, digits, colons, dots, ` +
        'hyphens and underscores; for example EVENTS_STREAM=weir:events',
    );
  }
  if (backend === 'memory') {
    problems.push(
      'EVENTS_STREAM needs a Redis, and counters are in memory: set REDIS_URL, or unset EVENTS_STREAM',
    );
  }
  return { stream, maxLength: values.EVENTS_MAXLEN };
}
