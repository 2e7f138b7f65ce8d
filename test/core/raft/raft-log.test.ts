/** The log's mechanics. */
import { describe, expect, test } from 'vitest';
import { entryBytes } from '../../../src/core/raft/log-entry.ts';
import { RaftLog } from '../../../src/core/raft/raft-log.ts';
import { entry } from './support/rig.ts';

const size = entryBytes(entry(1, 1));

/** Behind 2/1: 3/1 4/2 5/2 6/4. */
function sample(): RaftLog {
  const log = new RaftLog({ index: 2, term: 1 });
  log.append([entry(3, 1), entry(4, 2), entry(5, 2), entry(6, 4)]);
  return log;
}

const indices = (log: RaftLog, from: number, to: number, bytesMax?: number): number[] =>
  log.slice(from, to, bytesMax).map(({ index }) => index);

describe('a log', () => {
  test.each([
    [1, null],
    [2, 1],
    [3, 1],
    [6, 4],
    [7, null],
  ])('at %i has the term %s', (index, term) => {
    expect(sample().positionAt(index)?.term ?? null).toBe(term);
  });

  test.each([
    [3, 6, undefined, [3, 4, 5, 6]],
    [4, 5, undefined, [4, 5]],
    [1, 3, undefined, [3]],
    [7, 9, undefined, []],
    [5, 4, undefined, []],
    [3, 6, 2 * size, [3, 4]],
    [3, 6, 2 * size + 1, [3, 4]],
    [3, 6, 1, [3]],
  ])('from %i to %i within %s bytes is %o', (from, to, bytesMax, expected) => {
    expect(indices(sample(), from, to, bytesMax)).toEqual(expected);
  });

  test('ends at its base when it is empty', () => {
    expect(new RaftLog({ index: 2, term: 1 }).last).toEqual({ index: 2, term: 1 });
  });

  test.each([5, 8])('refuses %i behind 6', (index) => {
    expect(() => sample().append([entry(index, 4)])).toThrow(`entry ${index} does not follow 6`);
  });

  test.each([
    [5, 4, 2],
    [7, 6, 4],
    [1, 2, 0],
  ])('cut from %i ends at %i', (from, last, count) => {
    const log = sample();
    log.truncateFrom(from);
    expect(log.last.index).toBe(last);
    expect(log.bytes).toBe(count * size);
  });

  test.each([
    [4, 4, 2],
    [6, 6, 0],
    [2, 2, 4],
    [9, 2, 4],
  ])('compacted through %i begins behind %i', (through, base, count) => {
    const log = sample();
    log.compactThrough(through);
    expect(log.base.index).toBe(base);
    expect(log).toMatchObject({ length: count, bytes: count * size, last: { index: 6, term: 4 } });
  });

  test('restarted has nothing but its base', () => {
    const log = sample();
    log.restartAt({ index: 9, term: 5 });
    expect(log).toMatchObject({ length: 0, bytes: 0, base: { index: 9, term: 5 } });
  });

  test.each([
    [6, { index: 6, term: 4 }],
    [5, { index: 4, term: 2 }],
    [3, { index: 3, term: 1 }],
    [8, { index: 7, term: null }],
  ])('refused at %i hints at %o', (prevIndex, hint) => {
    expect(sample().conflictAt(prevIndex)).toEqual(hint);
  });

  test.each([
    [{ index: 5, term: null }, 5],
    [{ index: 5, term: 2 }, 6],
    [{ index: 5, term: 3 }, 5],
  ])('goes on from the hint %o at %i', (hint, next) => {
    expect(sample().nextAfter(hint)).toBe(next);
  });
});
