import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareEvents, EVENT_KINDS, type RecordedEvent } from '../../../src/core/events/event.ts';
import {
  cut,
  DETAILS_MAX,
  decodeEvent,
  encodeEvent,
  INSTANCE_LENGTH_MAX,
  TEXT_LENGTH_MAX,
} from '../../../src/core/events/event-codec.ts';
import { at, recorded } from './recorded.ts';

const anyDetail = fc.oneof(
  fc.string({ unit: 'binary', maxLength: TEXT_LENGTH_MAX }).map((text) => text.toWellFormed()),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const anyEvent: fc.Arbitrary<RecordedEvent> = fc.record({
  kind: fc.constantFrom(...EVENT_KINDS),
  name: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  at: fc.record({ wallMs: fc.nat(2 ** 31), counter: fc.nat(65_535) }),
  instance: fc.string({ minLength: 1, maxLength: INSTANCE_LENGTH_MAX }),
  incarnation: fc.nat(Number.MAX_SAFE_INTEGER),
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  term: fc.option(fc.nat(2 ** 40)),
  details: fc.dictionary(fc.string({ maxLength: 20 }), anyDetail, {
    maxKeys: DETAILS_MAX,
    noNullPrototype: true,
  }),
});

/** The fields of an event, some of them others, or gone. */
function fieldsWith(changes: Record<string, string | null>): string[] {
  const fields = encodeEvent(recorded({ term: 4 }));
  return Object.entries(changes).reduce((all, [name, value]) => {
    const place = all.indexOf(name);
    if (value === null) return all.toSpliced(place, 2);
    return all.toSpliced(place + 1, 1, value);
  }, fields);
}

describe('an event as fields', () => {
  it('is flat and readable', () => {
    expect(encodeEvent(recorded({ term: 4, at: at(0, 255) }))).toEqual(
      [
        ['v', '1', 'kind', 'audit', 'name', 'rules-loaded', 'at', '01a1ee565e00.00ff'],
        ['from', 'weir-0', 'run', '7', 'seq', '1', 'term', '4', 'details', '{"version":3}'],
      ].flat(),
    );
  });

  it('reads back as the same event', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(decodeEvent(encodeEvent(event))).toEqual({ event });
      }),
      { examples: [[recorded({ details: JSON.parse('{"__proto__":0}') })]] },
    );
  });

  it('passes over fields that a later version adds', () => {
    const { fields, event } = { fields: encodeEvent(recorded()), event: recorded() };
    expect(decodeEvent([...fields, 'more', 'x', 'odd'])).toEqual({ event });
  });

  it.each([
    ['no fields at all', [], 'it has no field v: something else wrote it'],
    ['fields of another program', ['temperature', '20'], /no field v/],
    ['another version', fieldsWith({ v: '2' }), 'its version "2" is not known here'],
    ['no kind', fieldsWith({ kind: null }), 'it has no field kind'],
    ['an unknown kind', fieldsWith({ kind: 'gossip' }), 'its kind "gossip" is none'],
    ['no time', fieldsWith({ at: 'now' }), 'its at "now" is none'],
    ['no instance', fieldsWith({ from: '' }), 'its from "" is none'],
    ['a long instance', fieldsWith({ from: 'a'.repeat(256) }), /its from "a{39}…" is none/],
    ['a run that is no number', fieldsWith({ run: '-1' }), 'its run "-1" is none'],
    ['a run beyond whole numbers', fieldsWith({ run: '9007199254740993' }), /its run/],
    ['sequence 0', fieldsWith({ seq: '0' }), 'its seq "0" is none'],
    ['a sequence in other digits', fieldsWith({ seq: '1e3' }), /its seq/],
    ['a name with a line end', fieldsWith({ name: 'a\nb' }), 'its name "a\\nb" is none'],
    ['a term that is none', fieldsWith({ term: '' }), 'its term "" is none'],
    ['no details', fieldsWith({ details: null }), 'it has no field details'],
    ['details that are no JSON', fieldsWith({ details: '{' }), /its details/],
    ['details that are a list', fieldsWith({ details: '[1]' }), /its details/],
    ['details that are null', fieldsWith({ details: 'null' }), /its details/],
    ['details within details', fieldsWith({ details: '{"a":{"b":1}}' }), /its details/],
    ['endless details', fieldsWith({ details: `{"a":"${'x'.repeat(100_000)}"}` }), /its details/],
    ['too many details', fieldsWith({ details: manyDetails(DETAILS_MAX + 1) }), /its details/],
  ])('%s are no event, and it is said why', (_name, fields, problem) => {
    expect(decodeEvent(fields)).toEqual({
      problem: typeof problem === 'string' ? problem : expect.stringMatching(problem),
    });
  });

  it('is refused, never a crash, whatever the fields are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (fields) => {
        expect(decodeEvent(['v', '1', ...fields])).toHaveProperty('problem');
      }),
    );
  });
});

describe('what an event keeps of a long text', () => {
  it.each([
    ['all of it up to the bound', 'a'.repeat(512), 'a'.repeat(512)],
    ['its beginning beyond it', 'a'.repeat(513), `${'a'.repeat(511)}…`],
    ['no half character', `${'a'.repeat(510)}😀😀`, `${'a'.repeat(510)}…`],
    ['a mark for half a character', 'a\ud800', 'a\ufffd'],
  ])('%s', (_name, text, kept) => {
    expect(cut(text)).toBe(kept);
  });

  it('bounds what is written, with as many details as there may be', () => {
    const text = '\u0001'.repeat(10_000);
    const details = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i}`, text]));
    const fields = encodeEvent(recorded({ details }));
    expect(fields.join('').length).toBeLessThan(96 * 1024);
    expect(decodeEvent(fields)).toHaveProperty('event');
  });
});

it('events have one order, by time first and then by who recorded them', () => {
  const inOrder = [
    recorded({ at: at(0), sequence: 9 }),
    recorded({ at: at(0, 1), sequence: 8 }),
    recorded({ at: at(1), instance: 'a', sequence: 7 }),
    recorded({ at: at(1), instance: 'b', incarnation: 1, sequence: 6 }),
    recorded({ at: at(1), instance: 'b', incarnation: 2, kind: 'abuse', sequence: 5 }),
    recorded({ at: at(1), instance: 'b', incarnation: 2, sequence: 3 }),
    recorded({ at: at(1), instance: 'b', incarnation: 2, sequence: 4 }),
  ];
  expect([...inOrder].toReversed().toSorted(compareEvents)).toEqual(inOrder);
  expect(compareEvents(recorded(), recorded())).toBe(0);
});

function manyDetails(count: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`d${i}`, i])));
}
