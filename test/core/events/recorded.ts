/** Events for tests. */
import type { RecordedEvent } from '../../../src/core/events/event.ts';

export const NOW = 1_795_000_000_000;

export function recorded(what: Partial<RecordedEvent> = {}): RecordedEvent {
  return {
    kind: 'audit',
    name: 'rules-loaded',
    at: { wallMs: NOW, counter: 0 },
    instance: 'weir-0',
    incarnation: 7,
    sequence: 1,
    term: null,
    details: { version: 3 },
    ...what,
  };
}

export function at(ms: number, counter = 0): RecordedEvent['at'] {
  return { wallMs: NOW + ms, counter };
}
