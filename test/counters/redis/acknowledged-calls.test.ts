import { describe, expect, test } from 'vitest';
import { AcknowledgedCalls } from '../../../src/counters/redis/acknowledged-calls.ts';

const BIN = 7;

/** `calls` are heard one after the other; each says which were made before it, newest first. */
function heardBy(
  acknowledged: AcknowledgedCalls,
  calls: readonly (readonly [number: number, hits: number, ...made: number[]])[],
  { bin = BIN, at = 0 }: { readonly bin?: number; readonly at?: number } = {},
): AcknowledgedCalls {
  for (const [number, hits, ...made] of calls) acknowledged.heard(bin, { number, hits, made }, at);
  return acknowledged;
}

const first = (): AcknowledgedCalls =>
  heardBy(new AcknowledgedCalls(), [
    [1, 10, 0],
    [2, 20, 1, 0],
    [3, 30, 2, 1, 0],
  ]);

describe('calls that a server acknowledged', () => {
  test('are lost to nobody while it knows of them', () => {
    expect(first()).toMatchObject({ lostHits: 0, forgotten: 0 });
  });

  test('and does not know any more are lost, with their hits', () => {
    const acknowledged = heardBy(first(), [[4, 5, 1, 0]]);
    expect(acknowledged).toMatchObject({ lostHits: 50, forgotten: 0 });
  });

  test('are lost once', () => {
    const acknowledged = heardBy(first(), [
      [4, 5, 1, 0],
      [5, 5, 4, 1, 0],
      [6, 5, 5, 4, 1, 0],
    ]);
    expect(acknowledged.lostHits).toBe(50);
    expect(heardBy(acknowledged, [[7, 1, 5, 4]]).lostHits).toBe(55);
  });

  test('of which the second of two new primaries has some are lost at the first all the same', () => {
    const acknowledged = heardBy(first(), [
      [4, 5, 1, 0],
      [5, 1, 2, 1],
    ]);
    expect(acknowledged.lostHits).toBe(20 + 30 + 5);
  });

  test('of a call that came too late there is nothing to lose', () => {
    expect(heardBy(first(), [[4, 0, 3, 2]]).lostHits).toBe(0);
    expect(heardBy(first(), [[4, 0, 2, 1]]).lostHits).toBe(30);
  });

  test('of another bin are not meant', () => {
    const acknowledged = heardBy(first(), [[4, 40, 0]], { bin: 8 });
    expect(heardBy(acknowledged, [[5, 5, 1, 0]]).lostHits).toBe(50);
  });

  test('heard out of order lose nothing', () => {
    const acknowledged = heardBy(first(), [
      [5, 50, 4, 3],
      [4, 40, 3, 2],
    ]);
    expect(heardBy(acknowledged, [[6, 1, 5, 4]]).lostHits).toBe(0);
  });

  test('of a server that knows of none are counted as one loss of unknown size', () => {
    expect(heardBy(first(), [[4, 5, 0, 0]])).toMatchObject({ lostHits: 0, forgotten: 1 });
  });

  test('are forgotten by themselves when no call came for as long as the key lives', () => {
    expect(heardBy(first(), [[4, 5, 0, 0]], { at: 590_000 })).toMatchObject({ forgotten: 0 });
  });

  test('are remembered as far back as there is room, which grows up to a bound', () => {
    const acknowledged = new AcknowledgedCalls();
    const calls = 70_000;
    for (let number = 1; number <= calls; number += 1) {
      acknowledged.heard(BIN, { number, hits: 1, made: [number - 1] }, 0);
    }
    acknowledged.heard(BIN, { number: calls + 1, hits: 1, made: [1] }, 0);
    expect(acknowledged.lostHits).toBe(65_536);
  });
});
