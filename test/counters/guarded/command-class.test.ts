import { expect, test } from 'vitest';
import { wholeOutcomeOf } from '../../../src/counters/guarded/command-class.ts';
import type { ChargeGroup, StoreFailureCode } from '../../../src/limiter/counter-store.ts';
import { group } from '../../contract/charges.ts';

/** A code of failure for each group, null where it was served. */
function groups(...codes: (StoreFailureCode | null)[]): ChargeGroup[] {
  return codes.map((code) => ({
    ...group({ key: 'a' }, { key: 'b' }),
    failure: code === null ? null : { code, text: '' },
  }));
}

/** Of the charges, so many failed. */
function half(failed: number): ChargeGroup {
  const its = group({ key: 'a' }, { key: 'b' });
  const failure = { code: 'timeout', text: '' } as const;
  const part = { ...its, charges: its.charges.slice(0, failed), failure };
  return { ...its, failure: { ...failure, parts: [part] } };
}

function hasty(): ChargeGroup {
  const failure = { code: 'timeout', text: '', isCallers: true } as const;
  const its = group({ key: 'a' }, { key: 'b' });
  return { ...its, failure: { ...failure, parts: [{ ...its, failure }] } };
}

const cases: [string, ChargeGroup[], string][] = [
  ['nothing was asked', [], 'ignored'],
  ['all were served', groups(null, null), 'success'],
  ['one was served', groups('unavailable', null), 'success'],
  ['part of one was served', [...groups('timeout'), half(1)], 'success'],
  ['no part was served', [half(2)], 'failure'],
  ['one was refused, which is an answer', groups('timeout', 'refused'), 'success'],
  ['no node was asked', groups('breaker', 'breaker'), 'failure'],
  ['all failed', groups('unavailable', 'timeout'), 'failure'],
  ['we had no room', groups('overloaded'), 'ignored'],
  ['their callers gave too little time', [hasty()], 'ignored'],
];
test.each(cases)('of many servers: %s', (_, its, outcome) => {
  expect(wholeOutcomeOf(its)).toBe(outcome);
});
