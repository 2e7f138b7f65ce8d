import { expect, it } from 'vitest';
import { TurnClock } from '../../src/service/turn-clock.ts';

it('says one time for a whole turn, and reads it anew for the next', async () => {
  let reads = 0;
  const clock = new TurnClock(() => {
    reads += 1;
    return reads * 10;
  });
  expect([clock.now(), clock.now(), reads]).toEqual([10, 10, 1]);
  await Promise.resolve();
  expect([clock.now(), clock.now(), reads]).toEqual([20, 20, 2]);
});
