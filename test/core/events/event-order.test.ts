import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareEvents } from '../../../src/core/events/event.ts';
import { EventOrder, HELD_MAX, type Ordered } from '../../../src/core/events/event-order.ts';
import { RepetitionCheck, SequenceCheck } from '../../../src/core/events/sequence-check.ts';
import { at, NOW, recorded } from './recorded.ts';

const WINDOW_MS = 1000;

/** What happened at, and when it reached the stream; both after NOW. */
type Arrival = readonly [happenedMs: number, arrivedMs: number];

function orderOf(arrivals: readonly Arrival[]): EventOrder<number> {
  const order = new EventOrder<number>(WINDOW_MS);
  for (const [index, [happened, arrived]] of arrivals.entries()) {
    order.add(recorded({ at: at(happened), sequence: index + 1 }), NOW + arrived, happened);
  }
  return order;
}

const shown = (given: readonly Ordered<number>[]): string[] =>
  given.map(({ note, isLate }) => `${note}${isLate ? ' late' : ''}`);

describe('events that reach a stream out of order', () => {
  it.each<[string, Arrival[], string[], string[]]>([
    [
      'nothing is given out before its time',
      [
        [0, 0],
        [5, 900],
      ],
      [],
      ['0', '5'],
    ],
    [
      'what is due is given out, and the rest held',
      [
        [0, 0],
        [5, 1000],
      ],
      ['0'],
      ['5'],
    ],
    [
      'what happened before it goes first',
      [
        [9, 0],
        [5, 1000],
      ],
      ['5', '9'],
      [],
    ],
    [
      'several in their order',
      [
        [9, 0],
        [7, 1],
        [8, 2],
        [20, 1002],
      ],
      ['7', '8', '9'],
      ['20'],
    ],
    [
      'one that is later is not waited for',
      [
        [3_600_000, 0],
        [5, 500],
      ],
      [],
      ['5', '3600000'],
    ],
    [
      'one of a clock that is behind holds up nothing',
      [
        [0, 0],
        [-9999, 1500],
      ],
      ['-9999', '0'],
      [],
    ],
  ])('%s', (_name, arrivals, due, rest) => {
    const order = orderOf(arrivals);
    expect(shown(order.take())).toEqual(due);
    expect(order.heldCount).toBe(rest.length);
    expect(shown(order.takeAll())).toEqual(rest);
  });

  it('what reached the stream too late is given out as late', () => {
    const order = orderOf([
      [50, 0],
      [60, 1100],
    ]);
    order.take();
    order.add(recorded({ at: at(40) }), NOW + 1200, 40);
    expect(shown(order.takeAll())).toEqual(['40 late', '60']);
  });

  it('a clock that is far ahead makes nothing late', () => {
    const order = orderOf([[3_600_000, 0]]);
    expect(shown(order.takeAll())).toEqual(['3600000']);
    order.add(recorded({ at: at(40) }), NOW + 1200, 40);
    expect(shown(order.takeAll())).toEqual(['40']);
  });

  it('holds so many at most, and lets the earliest go', () => {
    const order = new EventOrder<number>(WINDOW_MS);
    for (let i = HELD_MAX + 10; i > 0; i--) order.add(recorded({ at: at(i) }), NOW, i);
    expect(shown(order.take())).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(order.heldCount).toBe(HELD_MAX);
  });

  it('gives each out once, and in order whatever arrives within the window', () => {
    const arrival = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.nat(WINDOW_MS - 1));
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), (events) => {
        const arrivals = events
          .map(([happened, delay]): Arrival => [happened, happened + delay])
          .toSorted((a, b) => a[1] - b[1]);
        const order = new EventOrder<number>(WINDOW_MS);
        const given: Ordered<number>[] = [];
        for (const [index, [happened, arrived]] of arrivals.entries()) {
          order.add(recorded({ at: at(happened), sequence: index + 1 }), NOW + arrived, index);
          given.push(...order.take());
        }
        given.push(...order.takeAll());
        expect(given.map(({ note }) => note).toSorted((a, b) => a - b)).toEqual([
          ...arrivals.keys(),
        ]);
        const inOrder = given.map(({ event }) => event);
        expect(inOrder).toEqual(inOrder.toSorted(compareEvents));
        expect(given.some(({ isLate }) => isLate)).toBe(false);
      }),
    );
  });
});

describe('numbers of a source', () => {
  it.each<[string, number[], string[]]>([
    ['one after the other', [1, 2, 3], ['next', 'next', 'next']],
    ['from the middle of a stream', [41, 42], ['next', 'next']],
    ['one missing', [1, 3], ['next', 'gap 2-2']],
    ['several missing', [1, 6, 7], ['next', 'gap 2-5', 'next']],
    ['a batch again', [1, 2, 1, 2, 3], ['next', 'next', 'repeated', 'repeated', 'next']],
    ['a batch again much later', [1, 2, 3, 1], ['next', 'next', 'next', 'repeated']],
  ])('%s', (_name, sequences, found) => {
    const check = new SequenceCheck();
    const notes = sequences.map((sequence) => check.note(recorded({ sequence })));
    const texts = notes.map((note) =>
      note.kind === 'gap' ? `gap ${note.from}-${note.to}` : note.kind,
    );
    expect(texts).toEqual(found);
  });

  it.each([
    ['another kind', { kind: 'abuse' }],
    ['another start', { incarnation: 8 }],
    ['another instance', { instance: 'weir-1' }],
  ] as const)('are of their own for %s', (_name, other) => {
    const check = new SequenceCheck();
    check.note(recorded({ sequence: 5 }));
    expect(check.note(recorded({ sequence: 9, ...other }))).toEqual({ kind: 'next' });
    expect(check.note(recorded({ sequence: 6 }))).toEqual({ kind: 'next' });
  });

  it('are forgotten of those not heard of for long', () => {
    const check = new SequenceCheck();
    check.note(recorded({ sequence: 5 }));
    for (let i = 0; i < 16_384; i++) check.note(recorded({ incarnation: 100 + i }));
    expect(check.note(recorded({ sequence: 5 }))).toEqual({ kind: 'next' });
  });

  it('of a stream that others read too say nothing of what is missing', () => {
    const check = new RepetitionCheck();
    const notes = [3, 9, 3, 1, 9].map((sequence) => check.note(recorded({ sequence })).kind);
    expect(notes).toEqual(['next', 'next', 'repeated', 'next', 'repeated']);
    for (let i = 0; i < 65_536; i++) check.note(recorded({ sequence: 100 + i }));
    expect(check.note(recorded({ sequence: 3 }))).toEqual({ kind: 'next' });
  });
});
