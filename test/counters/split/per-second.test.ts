import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { splitStore } from '../../../src/counters/split/per-second.ts';
import { ask, askOne, group, readings } from '../../contract/charges.ts';

test('limits per second are in the second store, and no others', async () => {
  const [main, perSecond] = [0, 1].map(() => new MemoryCounterStore({ now: () => 0 })) as [
    MemoryCounterStore,
    MemoryCounterStore,
  ];
  const store = splitStore({ main, perSecond, monotonic: () => 0 });
  expect(store.name).toBe('memory');
  const units = [Unit.SECOND, Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR];
  const charges = units.map((unit) => ({ key: `u${unit}`, unit }));
  expect(readings(await ask(store, [group(...charges)]))).toEqual([units.map(() => '0>1')]);
  for (const its of charges) {
    const [here, there] = its.unit === Unit.SECOND ? [perSecond, main] : [main, perSecond];
    // oxlint-disable-next-line no-await-in-loop
    expect(await askOne(here, { ...its, hits: 0 })).toBe('1>1');
    // oxlint-disable-next-line no-await-in-loop
    expect(await askOne(there, { ...its, hits: 0 })).toBe('0>0');
  }
});
