/** The tutorial in `transcripts/`: each file is a story whose lines are what really happens. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { play } from './support/transcript.ts';

const FOLDER = join(import.meta.dirname, 'transcripts');

describe('transcripts', () => {
  test.each(readdirSync(FOLDER))('%s', (name) => {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    expect(play(text)).toBe(text);
  });

  test.each([
    ['cluster 3\n> dance 1', 'there is no command dance'],
    ['tick 9', 'there is no node 9'],
    ['cluster 3 size=1', 'there is no limit size'],
    ['cluster 4', '1, 3 or 5 voters'],
  ])('what cannot be done says so: %s', (command, problem) => {
    expect(play(`> ${command}`)).toContain(problem);
  });

  test('lines that are wrong are replaced, explanations are kept', () => {
    expect(play('# a\n\n> network\n1->2 nonsense\n')).toBe('# a\n\n> network\n');
  });
});
