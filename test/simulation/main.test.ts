/** The command itself: what it prints, and how it ends; and seeds that are shared out over threads. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseArguments } from './arguments.ts';
import { type Outcome, runSeeds } from './campaign.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
/** On a machine that does much else. */
const TEST_MS_MAX = 60_000;

function sim(options: string): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...options.split(' ')], {
    encoding: 'utf8',
    timeout: TEST_MS_MAX,
  });
  return { status, text: stdout + stderr };
}

describe('npm run sim', { timeout: TEST_MS_MAX }, () => {
  test('says what it ran, and that the same seed gave the same', () => {
    const { status, text } = sim('--seed 4 --hours 0.02 --twice');
    expect(text).toMatch(/event hash [0-9a-f]{16}\n/);
    expect(text).toContain('0 seeds of 1 differ when run again');
    expect(text).toContain('0 seeds of 1 failed');
    expect(status).toBe(0);
  });

  test('says of a seed that fails how to see it again, and which faults it takes', () => {
    const { status, text } = sim('--seed 2 --hours 0.1 --bug ignore-clock-jump');
    expect(text).toMatch(/seed 2: Q\d: /);
    expect(text).toMatch(/npm run sim -- --seed 2 --hours 0.1 --bug ignore-clock-jump --keep \d/);
    expect(text).toMatch(/ s {2}sleep m\d for \d+ ms/);
    expect(text).toContain('1 seeds of 1 failed');
    expect(status).toBe(1);
  });

  test('says what is wrong with an option, and which there are', () => {
    const { status, text } = sim('--seeds none');
    expect(text).toContain('--seeds none is not a whole number');
    expect(text).toContain('--workers W');
    expect(status).toBe(2);
  });
});

test('threads share out the seeds, each once', { timeout: TEST_MS_MAX }, async () => {
  const outcomes: Outcome[] = [];
  const args = parseArguments('--seed 5 --seeds 3 --hours 0.02 --workers 2'.split(' '));
  await runSeeds(args, async (outcome) => void outcomes.push(outcome));
  const seeds = outcomes.map(({ result }) => result.options.seed);
  expect(seeds.toSorted((a, b) => a - b)).toEqual([5, 6, 7]);
  expect(outcomes.map(({ result }) => result.failure)).toEqual([null, null, null]);
});
