/**
 * Nothing in the breaker is there for nothing: of each small slip that its source could have, made
 * mechanically, some transcript tells. What no transcript can tell apart is listed, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kindOf, type Mutant, mutantsOf, readSources } from './support/mutants.ts';
import { type BreakerKind, play } from './support/transcript.ts';

const FOLDER = join(import.meta.dirname, 'transcripts');
const TEXTS = readdirSync(FOLDER).map((name) => readFileSync(join(FOLDER, name), 'utf8'));
const sources = readSources();
const mutants = mutantsOf(sources);

/** Mutants that do the same, as `file: line of code: mutation`, and why they do. */
const EQUIVALENT: Readonly<Record<string, string>> = {
  'call-window.ts: #newest = 0;: 0 => -1':
    'the first record moves to its own bucket, through empty ones',
  'call-window.ts: if (bucket - this.#newest >= size) {: >= => >':
    'to leave as many buckets as there are one by one is to clear them all',
  'call-window.ts: while (this.#newest < bucket) {: < => <=':
    'all buckets have a number that is one higher',
  'breaker.ts: #epoch = 0;: 0 => 1': 'epochs are only compared for being the same',
  'breaker.ts: #epoch = 0;: 0 => -1': 'epochs are only compared for being the same',
  'breaker.ts: this.#epoch++;: ++ => --': 'epochs are only compared for being the same',
  'breaker.ts: #lastWaitMs = 0;: 0 => -1': 'three times it is below the base, whatever that is',
  "breaker.ts: if (state.kind === 'closed' && now - state.since >= stableMs) this.#lastWaitMs = 0;: 0 => -1":
    'three times it is below the base, whatever that is',
  "breaker.ts: case 'open':: 'open' => 'closed'": 'no case of its own: nothing is admitted, either',
  'breaker.ts: return false;: return false =>':
    'the next case admits by a count that an open state does not have',
};

/** True when all transcripts are as they should be. */
function isRight(kind: BreakerKind): boolean {
  try {
    return TEXTS.every((text) => play(text, kind) === text);
  } catch {
    // It threw, or had no end.
    return false;
  }
}

function nameOf({ file, code, mutation }: Mutant): string {
  return `${file}: ${code.replaceAll(/\s+/g, ' ')}: ${mutation.name}`;
}

test('the source as it is, made into a breaker in the same way, is right', () => {
  expect(isRight(kindOf(sources))).toBe(true);
});

test('mutations are made of every kind, and of every change of state', () => {
  const names = mutants.map(({ mutation }) => mutation.name);
  for (const some of [
    '>= => >',
    "'half-open' => 'open'",
    'this.#epoch++ =>',
    "this.#close(now) => this.#open('probe-failed', now, 0)",
    "this.#halfOpen('waited', now) => this.#close(now)",
    "this.#open('probe-late', now, chance) => this.#halfOpen('waited', now)",
    'permit.epoch !== this.#epoch => false',
    ', deadline =>',
  ]) {
    expect(names, some).toContain(some);
  }
  expect(mutants.length).toBeGreaterThan(450);
});

test('every mutant is a program, and some transcript tells of it', () => {
  const unnoticed = mutants.filter((mutant) => isRight(kindOf(mutant.sources)));
  expect(unnoticed.map(nameOf).sort()).toEqual(Object.keys(EQUIVALENT).sort());
});
