/** Keys of the reference format do not tell the unit: two units of one descriptor still count apart. */
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { ask, group, readings } from '../../contract/charges.ts';
import { counterKeys, startRig } from './rig.ts';

test('one descriptor charged by two units in one batch has two counters', async () => {
  // Far from the start of any hour, where the reference's own keys of two units can meet.
  await using rig = await startRig({ keyFormat: 'reference', now: () => 1_800_000_000_000 + 7e5 });
  const groups = [
    group({ key: 'd_k_v_', unit: Unit.MINUTE }, { key: 'd_k_v_', unit: Unit.HOUR }),
    group({ key: 'd_k_v_', unit: Unit.HOUR }),
  ];
  expect(readings(await ask(rig.store, groups))).toEqual([['0>1', '0>1'], ['1>2']]);
  expect((await counterKeys(rig.redis)).length).toBe(2);
});
