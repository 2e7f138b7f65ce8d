import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LoopStallWatch } from '../../src/service/loop-stall.ts';

let now = 0;
beforeEach(() => {
  now = 1000;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

/** Time passes, and the timers run as they should. */
function pass(ms: number): void {
  for (let i = 0; i < ms; i += 5) {
    now += 5;
    vi.advanceTimersByTime(5);
  }
}

test('ticks in time are no stall; a late one is, for whoever waited meanwhile', () => {
  const watch = new LoopStallWatch(() => now, 20);
  watch.start();
  pass(100);
  expect([watch.wasStalledSince(1000), watch.stallCount]).toEqual([false, 0]);
  now += 50;
  expect(watch.wasStalledSince(1100)).toBe(true);
  vi.advanceTimersByTime(10);
  expect([watch.wasStalledSince(1100), watch.stallCount]).toEqual([true, 1]);
  pass(100);
  expect(watch.wasStalledSince(1200)).toBe(false);
  watch.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('a short delay is no stall', () => {
  const watch = new LoopStallWatch(() => now, 20);
  watch.start();
  now += 24;
  vi.advanceTimersByTime(10);
  expect([watch.wasStalledSince(0), watch.stallCount]).toEqual([false, 0]);
  watch.stop();
  watch.stop();
});
