/** The table of the breaker, as stories in `transcripts/`: each file's lines are what really happens. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Breaker } from '../../../src/core/breaker/breaker.ts';
import { play } from './support/transcript.ts';

const FOLDER = join(import.meta.dirname, 'transcripts');

test.each(readdirSync(FOLDER))('%s', (name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  expect(play(text, Breaker)).toBe(text);
});

test('every way from one state to another is among them', () => {
  const ways = new Set<string>();
  for (const name of readdirSync(FOLDER)) {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    for (const [, way] of text.matchAll(/^-?\d+: (.* -> .*)$/gm)) ways.add(way as string);
  }
  expect([...ways].sort()).toEqual([
    'closed -> open: failure-ratio',
    'closed -> open: failures-in-row',
    'closed -> open: slow-ratio',
    'half-open -> closed: ramped-up',
    'half-open -> open: probe-failed',
    'half-open -> open: probe-late',
    'half-open -> ramping: probes-succeeded',
    'open -> half-open: health-check',
    'open -> half-open: waited',
    'ramping -> closed: ramped-up',
    'ramping -> open: ramp-failed',
  ]);
});

test('what cannot be done says so, and lines that are wrong are replaced', () => {
  expect(play('> dance', Breaker)).toBe('> dance\nthere is no command dance');
  expect(play('# a\n\n> calls 1 success\nnonsense\n', Breaker)).toBe('# a\n\n> calls 1 success\n');
  expect(() => play('> breaker size=1', Breaker)).toThrow('there is no option size');
  expect(() => play('> end a success', Breaker)).toThrow('there is no call a');
});
