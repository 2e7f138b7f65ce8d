import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import type { Charge } from '../../../src/limiter/counter-store.ts';
import { group, type TestCharge } from '../../contract/charges.ts';
import { LoneReplica } from './lone-replica.ts';

let replica: LoneReplica;
beforeEach(async () => {
  replica = await LoneReplica.start();
});
afterEach(() => replica.stop());

const leased = (its: TestCharge): TestCharge => ({ isLeased: true, ...its });

async function askOne(its: TestCharge): Promise<Charge> {
  const [settled] = await replica.ask(group(leased(its)));
  expect(settled?.failure).toBe(null);
  return settled?.charges[0] as Charge;
}

const isOver = ({ after, limit }: Charge): boolean => after > limit;

describe('a replica that is alone', () => {
  test('answers the first request of a limit by asking itself, and the next ones from its share', async () => {
    expect(isOver(await askOne({ key: 'a', limit: 1000 }))).toBe(false);
    expect(isOver(await askOne({ key: 'a', limit: 1000 }))).toBe(false);
    expect(replica.store.counts.results).toMatchObject({ share: 1, leader: 1, over: 0, lapsed: 0 });
    expect(replica.memory.keyCount).toBe(0);
  });

  test('admits a count to the last hit, and no more', async () => {
    const answers: boolean[] = [];
    for (let at = 0; at < 30; at += 1) answers.push(isOver(await askOne({ key: 'a', limit: 20 })));
    expect(answers.filter((over) => !over)).toHaveLength(20);
    expect(answers.lastIndexOf(false)).toBe(19);
  });

  test('admits a count in one piece, and in pieces of every size', async () => {
    expect(isOver(await askOne({ key: 'a', limit: 500, hits: 500 }))).toBe(false);
    expect(isOver(await askOne({ key: 'a', limit: 500 }))).toBe(true);
    const admitted: number[] = [];
    for (const hits of [300, 150, 100, 40, 20, 7, 7, 3, 1]) {
      if (!isOver(await askOne({ key: 'b', limit: 500, hits }))) admitted.push(hits);
    }
    expect(admitted).toEqual([300, 150, 40, 7, 3]);
  });

  test('admits a rate at its pace', async () => {
    const unit = Unit.SECOND;
    const start = performance.now();
    let admitted = 0;
    while (performance.now() - start < 600) {
      if (!isOver(await askOne({ key: 'a', unit, limit: 100 }))) admitted += 1;
      await new Promise(setImmediate);
    }
    const elapsed = performance.now() - start;
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThanOrEqual(10 + Math.ceil(elapsed / 10));
  });
});
