/** When which worker is sent which rules, and told to put them in force, as a transcript. */
import { expect, test } from 'vitest';
import { type KeptSet, NO_RULES } from '../../src/workers/kept-rules.ts';
import { RuleAgreement, type RuleTaker } from '../../src/workers/rule-agreement.ts';

const setOf = (version: number): KeptSet => ({ ...NO_RULES, version });

interface Scene {
  readonly agreement: RuleAgreement;
  readonly worker: (name: string) => RuleTaker;
  /** What was told since the last look. */
  readonly told: () => string[];
}

function scene(agreeMsMax = 60_000): Scene {
  const lines: string[] = [];
  const onAgreed = (version: number, late: number): void =>
    void lines.push(`agreed ${version}${late > 0 ? `, ${late} late` : ''}`);
  return {
    agreement: new RuleAgreement({ onAgreed, agreeMsMax }),
    worker: (name) => ({
      sendRules: ({ version }) => lines.push(`${name}: rules ${version}`),
      commit: (version) => lines.push(`${name}: commit ${version}`),
    }),
    told: () => lines.splice(0),
  };
}

test('rules loaded before there are workers wait for them', () => {
  const { agreement, worker, told } = scene();
  agreement.offer(setOf(1));
  expect(told()).toEqual(['agreed 1']);
  const a = worker('a');
  agreement.join(a);
  expect(told()).toEqual(['a: rules 1']);
  agreement.ready(a, 1);
  expect(told()).toEqual(['a: commit 1']);
});

test('where no file was ever valid, workers are told just that', () => {
  const { agreement, worker, told } = scene();
  const a = worker('a');
  agreement.join(a);
  agreement.ready(a, 0);
  expect(told()).toEqual(['a: rules 0', 'a: commit 0']);
});

test('a new set comes into force when the last worker is ready', () => {
  const { agreement, worker, told } = scene();
  const [a, b] = [worker('a'), worker('b')];
  agreement.join(a);
  agreement.join(b);
  told();
  agreement.offer(setOf(1));
  expect(told()).toEqual(['a: rules 1', 'b: rules 1']);
  agreement.ready(a, 1);
  expect(told()).toEqual([]);
  agreement.ready(b, 1);
  expect(told()).toEqual(['a: commit 1', 'b: commit 1', 'agreed 1']);
});

test('a worker that ends is not waited for', () => {
  const { agreement, worker, told } = scene();
  const [a, b] = [worker('a'), worker('b')];
  agreement.join(a);
  agreement.join(b);
  agreement.offer(setOf(1));
  agreement.ready(a, 1);
  told();
  agreement.leave(b);
  expect(told()).toEqual(['a: commit 1', 'agreed 1']);
});

test('sets that come while one is agreed on wait, and only the newest is taken', () => {
  const { agreement, worker, told } = scene();
  const a = worker('a');
  agreement.join(a);
  agreement.offer(setOf(1));
  agreement.offer(setOf(2));
  agreement.offer(setOf(3));
  told();
  agreement.ready(a, 1);
  expect(told()).toEqual(['a: commit 1', 'agreed 1', 'a: rules 3']);
  agreement.ready(a, 3);
  expect(told()).toEqual(['a: commit 3', 'agreed 3']);
});

test('what a worker is ready for too late is not put in force', () => {
  const { agreement, worker, told } = scene();
  const a = worker('a');
  agreement.join(a);
  agreement.offer(setOf(1));
  told();
  agreement.ready(a, 0);
  expect(told()).toEqual([]);
  agreement.close();
});

test('a worker that is late does not keep the others, and follows', async () => {
  const { agreement, worker, told } = scene(5);
  const [a, b] = [worker('a'), worker('b')];
  agreement.join(a);
  agreement.join(b);
  agreement.offer(setOf(1));
  agreement.ready(a, 1);
  const lines: string[] = [];
  await expect
    .poll(() => {
      lines.push(...told());
      return lines;
    })
    .toContain('agreed 1, 1 late');
  expect(lines.slice(-2)).toEqual(['a: commit 1', 'agreed 1, 1 late']);
  agreement.ready(b, 1);
  expect(told()).toEqual(['b: commit 1']);
});
