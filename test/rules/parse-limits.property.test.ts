/** No text makes the parser throw, and what it accepts can be compiled. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { DomainCompiler } from '../../src/core/rules/domain-rules.ts';
import { exactKeyFormat } from '../../src/core/rules/key-format.ts';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { isError } from '../../src/rules/problem.ts';

const EXAMPLE = readFileSync(
  new URL('../../config/limits/example.yaml', import.meta.url),
  'utf8',
).replaceAll(/^ *#.*\n/gm, '');

/** Pieces that mean something to YAML or to a limits file, put where they do not belong. */
const PIECES =
  '{ } [ ] :_ -_ ?_ &a_ *a <<:_ ! !!int_ | >- " \' # key rate_limit:_ domain:_ __proto__: 99999999999999999999'
    .split(' ')
    .map((piece) => piece.replace('_', ' '))
    .concat('\t', '\n', '\r\n', '---\n', '...\n', '%YAML 1.1\n', 'value: 1.5\n')
    .concat('quota: leased\n', 'quota: raft\n', 'unlimited: true\n')
    .concat('descriptors:\n', '\u0000', '\ufeff', '\ud800');

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const edits = fc.array(
  fc.record({
    at: fc.nat({ max: EXAMPLE.length }),
    remove: fc.nat({ max: 12 }),
    insert: fc.oneof(fc.constantFrom(...PIECES), fc.constant('')),
  }),
  { minLength: 1, maxLength: 4 },
);

function edited(list: readonly Edit[]): string {
  return list.reduce(
    (text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove),
    EXAMPLE,
  );
}

function checkText(text: string): void {
  const { config, problems } = parseLimits('f', text);
  expect(config === null).toBe(problems.some(isError));
  for (const { line, column, message } of problems) {
    expect(line).toBeGreaterThan(0);
    expect(column).toBeGreaterThan(0);
    expect(message).not.toBe('');
  }
  if (config === null) return;
  const compiler = new DomainCompiler(config.domain, {
    keyFormat: exactKeyFormat(''),
    nearLimitRatio: 0.8,
    bindStats: () => new RuleStats(),
    failureMode: 'error',
    bindCallerStats: () => new RuleStats(),
  });
  for (const descriptor of config.descriptors) compiler.add(descriptor);
  compiler.finish();
}

describe('any text', () => {
  test('of characters', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), checkText));
  });

  test('of YAML pieces', () => {
    const text = fc
      .array(fc.constantFrom(...PIECES), { maxLength: 40 })
      .map((list) => list.join(''));
    fc.assert(fc.property(text, checkText), { numRuns: 500 });
  });

  test('that is a valid file with a few edits', () => {
    fc.assert(fc.property(edits.map(edited), checkText), { numRuns: 500 });
  });
});
