import { describe, expect, test } from 'vitest';
import { LeaseClock } from '../../../src/core/quota/lease-clock.ts';
import { QUOTA_DEFAULTS } from '../../../src/core/quota/options.ts';

const WALL = 1_700_000_000_000;
const moment = (ms: number) => ({ at: ms, wall: WALL + ms });

function leased(grantedMs = 10_000): LeaseClock {
  const clock = new LeaseClock(QUOTA_DEFAULTS);
  clock.extend(moment(1000), grantedMs);
  return clock;
}

describe('a lease at its holder', () => {
  test('does not hold before there is one', () => {
    expect(new LeaseClock(QUOTA_DEFAULTS).holds(0, WALL)).toBe(false);
  });

  test('runs from the sending of the request, less the drift of clocks', () => {
    const clock = leased();
    expect(clock.until).toBe(10_900);
    expect(clock.holds(10_899, WALL + 10_899)).toBe(true);
    expect(clock.holds(10_900, WALL + 10_900)).toBe(false);
  });

  test('is not shortened by an answer to an earlier request', () => {
    const clock = leased();
    clock.extend(moment(500), 10_000);
    expect(clock.until).toBe(10_900);
    clock.extend(moment(3000), 10_000);
    expect(clock.until).toBe(12_900);
  });

  test('counts the sleep of the monotonic clock as passed', () => {
    const clock = leased();
    expect(clock.holds(10_500, WALL + 10_500 + 399)).toBe(true);
    expect(clock.holds(10_500, WALL + 10_500 + 400)).toBe(false);
  });

  test('counts a sleep although the wall clock was set back before it', () => {
    const clock = leased();
    expect(clock.holds(5000, WALL + 5000 - 400)).toBe(true);
    expect(clock.holds(10_500, WALL + 10_500 - 400 + 399)).toBe(true);
    expect(clock.holds(10_500, WALL + 10_500 - 400 + 400)).toBe(false);
  });

  test('counts sleeps that the wall clock was set back between and after', () => {
    const clock = leased();
    let offset = 0;
    for (const [at, step] of [
      [5000, 200],
      [6000, -400],
      [7000, 200],
      [8000, -300],
    ] as const) {
      offset += step;
      expect(clock.holds(at, WALL + at + offset)).toBe(true);
    }
    expect(clock.holds(10_499, WALL + 10_499 + offset)).toBe(true);
    expect(clock.holds(10_500, WALL + 10_500 + offset)).toBe(false);
  });

  test('loses nothing to clocks that are rounded differently', () => {
    const clock = leased();
    for (let at = 1000; at < 10_890; at += 0.3) {
      expect(clock.holds(at, Math.floor(WALL + at))).toBe(true);
    }
  });

  test.each([501, -501])('is void after a jump of %i ms, even when it is undone', (jump) => {
    const clock = leased();
    expect(clock.holds(2000, WALL + 2000 + jump)).toBe(false);
    expect(clock.holds(2001, WALL + 2001)).toBe(false);
    clock.extend({ at: 3000, wall: WALL + 3000 + jump }, 10_000);
    expect(clock.holds(3001, WALL + 3001 + jump)).toBe(true);
  });

  test.each([500, -500])('survives a correction of %i ms', (step) => {
    expect(leased().holds(2000, WALL + 2000 + step)).toBe(true);
  });

  test('can be given up', () => {
    const clock = leased();
    clock.end();
    expect(clock.holds(1001, WALL + 1001)).toBe(false);
  });
});
