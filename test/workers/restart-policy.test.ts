import { expect, test } from 'vitest';
import { RestartPolicy } from '../../src/workers/restart-policy.ts';

test('each further end within a minute waits twice as long, up to two seconds', () => {
  const policy = new RestartPolicy(2);
  const delays = Array.from({ length: 10 }, (_, index) => policy.delayAfterEnd(index));
  expect(delays).toEqual([100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000]);
});

test.each([
  [1, 10],
  [5, 10],
  [6, 12],
  [64, 128],
])('%i workers may end %i times within a minute, and not once more', (workers, max) => {
  const policy = new RestartPolicy(workers);
  for (let end = 0; end < max; end += 1) expect(policy.delayAfterEnd(1000)).not.toBeNull();
  expect(policy.delayAfterEnd(1000)).toBeNull();
  expect(policy.text).toBe(`${max + 1} workers ended within 60 s`);
});

test.each([
  [59_999, 200],
  [60_000, 100],
])('an end %i ms ago makes the next wait %i ms', (agoMs, delayMs) => {
  const policy = new RestartPolicy(2);
  policy.delayAfterEnd(5);
  expect(policy.delayAfterEnd(5 + agoMs)).toBe(delayMs);
});
