import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HybridClock, OFFSET_MS_MAX } from '../../../src/core/hlc/hybrid-clock.ts';
import {
  COUNTER_MAX,
  compareTimes,
  type HybridTime,
  isTime,
  NO_TIME,
  parseTime,
  timeText,
  WALL_MS_MAX,
} from '../../../src/core/hlc/hybrid-time.ts';

const NOW = 1_795_000_000_000;
const LAST: HybridTime = { wallMs: WALL_MS_MAX, counter: COUNTER_MAX };
const anyTime = fc.record({
  wallMs: fc.integer({ min: 0, max: WALL_MS_MAX }),
  counter: fc.integer({ min: 0, max: COUNTER_MAX }),
});

function ticked(clock: HybridClock, times: number, wall: number): HybridTime {
  for (let i = 1; i < times; i++) clock.tick(wall);
  return clock.tick(wall);
}

describe('text of a time', () => {
  it.each([
    [NO_TIME, '000000000000.0000'],
    [{ wallMs: 1, counter: 2 }, '000000000001.0002'],
    [{ wallMs: NOW, counter: 255 }, '01a1ee565e00.00ff'],
    [LAST, 'ffffffffffff.ffff'],
  ])('%o is %s', (time, text) => {
    expect(timeText(time)).toBe(text);
    expect(parseTime(text)).toEqual(time);
  });

  it('sorts as the times do, and reads back as the same time', () => {
    fc.assert(
      fc.property(anyTime, anyTime, (a, b) => {
        const [textA, textB] = [timeText(a), timeText(b)];
        expect(Math.sign(compareTimes(a, b))).toBe(textA < textB ? -1 : textA > textB ? 1 : 0);
        expect(parseTime(textA)).toEqual(a);
      }),
    );
  });

  it.each([
    '',
    '01a1ee565e00',
    '01a1ee565e00.00f',
    '01a1ee565e00.00FF',
    ' 01a1ee565e00.00ff',
    '01a1ee565e00.00ff\n',
    '01a1ee565e0g.00ff',
    '1e10',
  ])('%j is none', (text) => {
    expect(parseTime(text)).toBeNull();
  });

  it.each([
    [{ wallMs: -1, counter: 0 }],
    [{ wallMs: 0.5, counter: 0 }],
    [{ wallMs: WALL_MS_MAX + 1, counter: 0 }],
    [{ wallMs: Number.NaN, counter: 0 }],
    [{ wallMs: 0, counter: COUNTER_MAX + 1 }],
    [{ wallMs: 0, counter: -1 }],
  ])('numbers that are no time: %o', (time) => {
    expect(isTime(time)).toBe(false);
  });
});

describe('a clock that is only asked', () => {
  it.each([
    ['begins at the wall clock', [NOW], { wallMs: NOW, counter: 0 }],
    ['counts within a millisecond', [NOW, NOW, NOW], { wallMs: NOW, counter: 2 }],
    ['begins to count anew with the next', [NOW, NOW, NOW + 1], { wallMs: NOW + 1, counter: 0 }],
    ['waits for a wall clock that went back', [NOW, NOW - 3_600_000], { wallMs: NOW, counter: 1 }],
    ['leaves fractions out', [NOW + 0.9], { wallMs: NOW, counter: 0 }],
    ['takes nonsense for no time passed', [NOW, Number.NaN], { wallMs: NOW, counter: 1 }],
    ['takes the end of time for nonsense', [NOW, Infinity, 2 ** 60], { wallMs: NOW, counter: 2 }],
    ['has a time before its wall clock has one', [-5], { wallMs: 0, counter: 1 }],
  ])('%s', (_name, walls, expected) => {
    const clock = new HybridClock();
    for (const wall of walls) clock.tick(wall);
    expect(clock.latest).toEqual(expected);
  });

  it('goes on with the next millisecond when its counter is full', () => {
    const clock = new HybridClock();
    expect(ticked(clock, COUNTER_MAX + 1, NOW)).toEqual({ wallMs: NOW, counter: COUNTER_MAX });
    expect(clock.tick(NOW)).toEqual({ wallMs: NOW + 1, counter: 0 });
    expect(clock.tick(NOW + 1)).toEqual({ wallMs: NOW + 1, counter: 1 });
  });

  it('stands still at the end of its last millisecond, and does not begin anew', () => {
    const clock = new HybridClock();
    clock.tick(WALL_MS_MAX);
    expect(ticked(clock, COUNTER_MAX + 5, WALL_MS_MAX)).toEqual(LAST);
  });
});

describe('a time of another replica', () => {
  it.each([
    ['is passed within its millisecond', { wallMs: NOW + 100, counter: 7 }, NOW + 100, 8],
    ['is behind this wall clock', { wallMs: NOW - 100, counter: 7 }, NOW, 0],
    ['is of the same millisecond', { wallMs: NOW, counter: 7 }, NOW, 8],
    ['is as far ahead as it may be', { wallMs: NOW + OFFSET_MS_MAX, counter: 7 }, NOW + 500, 8],
    ['has a full counter', { wallMs: NOW + 1, counter: COUNTER_MAX }, NOW + 2, 0],
  ])('%s', (_name, remote, wallMs, counter) => {
    const clock = new HybridClock();
    const time = { wallMs, counter };
    expect(clock.receive(remote, NOW)).toEqual({ kind: 'taken', time });
    expect(clock.latest).toEqual(time);
  });

  it.each([
    ['a millisecond too far ahead', { wallMs: NOW + OFFSET_MS_MAX + 1, counter: 0 }, 501],
    ['as far, with a full counter', { wallMs: NOW + OFFSET_MS_MAX, counter: COUNTER_MAX }, 501],
    ['an hour ahead', { wallMs: NOW + 3_600_000, counter: 0 }, 3_600_000],
  ])('is refused: %s', (_name, remote, byMs) => {
    const clock = new HybridClock();
    const before = clock.tick(NOW);
    expect(clock.receive(remote, NOW)).toEqual({ kind: 'ahead', byMs });
    expect(clock.latest).toEqual(before);
  });

  it('is refused where it is none', () => {
    const clock = new HybridClock();
    expect(clock.receive({ wallMs: -1, counter: 0 }, NOW)).toEqual({ kind: 'malformed' });
    expect(clock.latest).toEqual(NO_TIME);
  });

  it('that this clock has passed is taken however far this wall clock went back', () => {
    const clock = new HybridClock();
    const { wallMs, counter } = clock.tick(NOW);
    const received = clock.receive({ wallMs, counter }, NOW - 3_600_000);
    expect(received).toEqual({ kind: 'taken', time: { wallMs, counter: counter + 1 } });
  });

  it('cannot push this clock on and on by full counters', () => {
    const clock = new HybridClock();
    let refused = 0;
    for (let ms = 0; ms < 2 * OFFSET_MS_MAX; ms++) {
      const remote = { wallMs: clock.latest.wallMs, counter: COUNTER_MAX };
      if (clock.receive(remote, NOW).kind === 'ahead') refused += 1;
      clock.tick(NOW);
    }
    expect(refused).toBeGreaterThan(OFFSET_MS_MAX / 2);
    expect(clock.latest.wallMs).toBeLessThanOrEqual(NOW + OFFSET_MS_MAX);
  });
});

/** A step of one of several replicas: something happens there, or it hears from another. */
const anyStep = fc.record({
  at: fc.nat(2),
  from: fc.nat(2),
  isMessage: fc.boolean(),
  /** How the wall clock there moves before it: back too. */
  wallStep: fc.integer({ min: -2000, max: 400 }),
});

describe('clocks of several replicas', () => {
  it('what happened before is less, and times only grow', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
        const replicas = [0, 1, 2].map((shift) => ({
          clock: new HybridClock(),
          wall: NOW + 150 * shift,
          last: NO_TIME,
        }));
        for (const { at, from, isMessage, wallStep } of steps) {
          const [to, sender] = [replicas[at], replicas[from]];
          if (to === undefined || sender === undefined) continue;
          to.wall += wallStep;
          // What a message carries is later than all that its sender did before.
          const sent = isMessage ? sender.clock.tick(sender.wall) : null;
          if (sent !== null) {
            expect(compareTimes(sender.last, sent)).toBeLessThan(0);
            sender.last = sent;
          }
          const isTaken = sent !== null && to.clock.receive(sent, to.wall).kind === 'taken';
          const time = to.clock.tick(to.wall);
          expect(compareTimes(to.last, time)).toBeLessThan(0);
          if (isTaken && sent !== null) expect(compareTimes(sent, time)).toBeLessThan(0);
          to.last = time;
        }
      }),
    );
  });

  it('no time is further ahead of all wall clocks so far than the offset', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
        const clocks = [new HybridClock(), new HybridClock(), new HybridClock()];
        const walls = [NOW, NOW + 300, NOW - 5000];
        const highest = [...walls];
        for (const { at, from, isMessage, wallStep } of steps) {
          const wall = (walls[at] ?? NOW) + wallStep;
          walls[at] = wall;
          highest[at] = Math.max(highest[at] ?? wall, wall);
          if (isMessage) clocks[at]?.receive(clocks[from]?.tick(walls[from] ?? 0) ?? NO_TIME, wall);
          const time = clocks[at]?.tick(wall) ?? NO_TIME;
          expect(time.wallMs - (highest[at] ?? 0)).toBeLessThanOrEqual(OFFSET_MS_MAX);
        }
      }),
    );
  });

  it('a message carries its sender in this order past any skew up to the offset', () => {
    fc.assert(
      fc.property(fc.integer({ min: -500, max: OFFSET_MS_MAX }), fc.nat(50), (skew, n) => {
        const [one, other] = [new HybridClock(), new HybridClock()];
        const cause = ticked(one, n + 1, NOW + skew);
        expect(other.receive(cause, NOW).kind).toBe('taken');
        expect(compareTimes(cause, other.tick(NOW))).toBeLessThan(0);
      }),
    );
  });
});
