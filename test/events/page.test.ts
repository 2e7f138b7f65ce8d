/** docs/events.md says what the program does. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ABUSE_BOUNDS } from '../../src/core/events/abuse-watch.ts';
import { AUDIT_NAMES } from '../../src/core/events/event.ts';
import { encodeEvent, TEXT_LENGTH_MAX } from '../../src/core/events/event-codec.ts';
import { OFFSET_MS_MAX } from '../../src/core/hlc/hybrid-clock.ts';
import { BATCH_MAX, PAUSE_MS, QUEUE_MAX } from '../../src/events/event-lane.ts';
import { ORDER_WINDOW_MS } from '../../src/events/event-replay.ts';
import { recorded } from '../core/events/recorded.ts';

const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');

/** Words in code of the first column of a section's tables. */
function named(section: string): string[] {
  const text = page.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const cells = text.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? ''));
}

test('every event has a row, and every row an event', () => {
  expect(named('What is recorded').toSorted()).toEqual([...AUDIT_NAMES, 'over-limit'].toSorted());
});

test('every field of an entry has a row', () => {
  const fields = encodeEvent(recorded({ term: 1 })).filter((_, index) => index % 2 === 0);
  expect(named('An entry').toSorted()).toEqual(fields.toSorted());
});

test('bounds are those of the program', () => {
  const number = (value: number): string => value.toLocaleString('en');
  for (const said of [
    `${number(QUEUE_MAX)} of each kind`,
    `a batch of ${BATCH_MAX} of each kind every ${PAUSE_MS} ms`,
    `watches ${number(ABUSE_BOUNDS.keysMax)}\ncounters`,
    `makes ${ABUSE_BOUNDS.perSecondMax} such events a second`,
    `texts are cut at ${TEXT_LENGTH_MAX} characters`,
    `up to ${OFFSET_MS_MAX} ms`,
  ]) {
    expect(page).toContain(said);
  }
  expect([ORDER_WINDOW_MS, ABUSE_BOUNDS.intervalMs]).toEqual([1000, 60_000]);
});
