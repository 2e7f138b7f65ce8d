import { expect, test } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { exactKeyFormat } from '../../src/core/rules/key-format.ts';
import { compileDomain } from '../../src/rules/compile-domain.ts';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { limitsOf } from './support.ts';

const RULES = 40;
/** Work that one rule makes, so that a few of them fill a turn. */
const RULE_MS = 1;

function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('compiling lets others have their turn, also within one slice', async () => {
  const keys = Array.from({ length: RULES }, (_, i) => `k=v${i}`);
  const slice = parseLimits('f', limitsOf('x', ...keys)).config?.descriptors ?? [];
  async function* slices() {
    yield slice;
  }
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const rules = await compileDomain('x', slices(), {
    keyFormat: exactKeyFormat(''),
    nearLimitRatio: 0.8,
    failureMode: 'error',
    bindCallerStats: () => new RuleStats(),
    bindStats: () => {
      work(RULE_MS);
      return new RuleStats();
    },
  });
  isDone = true;
  expect(rules.ruleCount).toBe(RULES);
  // 40 ms of work in turns of 4 ms: a slow machine makes more turns of it, never fewer.
  expect(turns).toBeGreaterThanOrEqual(5);
});
