/** Counter keys from descriptors that are made of what keys are made of. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../../../src/core/rules/request.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Check } from '../../../src/core/verdict/check.ts';
import { compileDomain, testDescriptor } from '../../support/rules.ts';

const text = fc.stringMatching(/^[a,:=1_]{0,4}$/);
const entries = fc.array(fc.record({ key: text, value: text }), { maxLength: 3 });
const OVERRIDE = { limit: { requestsPerUnit: 1, unit: Unit.HOUR } };

function checkOf(domain: string, its: readonly Entry[]): Check {
  const check = new Check();
  compileDomain(domain, []).match({ ...testDescriptor('', OVERRIDE), entries: its }, check);
  return check;
}

test('two descriptors share a key only when they are the same', () => {
  fc.assert(
    fc.property(text, entries, text, entries, (domainA, a, domainB, b) => {
      const isSame = domainA === domainB && JSON.stringify(a) === JSON.stringify(b);
      expect(checkOf(domainA, a).key === checkOf(domainB, b).key).toBe(isSame);
    }),
    { numRuns: 3000 },
  );
});

test('scope and rest in a row are the key, and the scope is that of the keys', () => {
  fc.assert(
    fc.property(text, entries, (domain, its) => {
      const { key, scope, rest } = checkOf(domain, its);
      expect(scope + rest).toBe(key);
      const others = its.map((entry) => ({ ...entry, value: 'other' }));
      expect(checkOf(domain, others).scope).toBe(scope);
    }),
  );
});

test('a rule and an override name a counter with the same parts', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.boolean()), { minLength: 1, maxLength: 3 }), (parts) => {
      const its = parts.map(([value], level) => ({ key: `k${level}`, value }));
      let rules = [] as Parameters<typeof compileDomain>[1];
      for (const [level, [value, isLiteral]] of [...parts.entries()].reverse()) {
        const limit = level === parts.length - 1 ? '1/hour' : undefined;
        const node = { key: `k${level}`, value: isLiteral ? value : '', children: [...rules] };
        rules = [limit === undefined ? node : { ...node, limit }];
      }
      const check = new Check();
      compileDomain('d', rules).match({ ...testDescriptor(''), entries: its }, check);
      const { key, scope, rest } = checkOf('d', its);
      expect([check.key, check.scope, check.rest]).toEqual([key, scope, rest]);
    }),
  );
});
