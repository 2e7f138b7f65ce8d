/** What the numbers are held against; a busy machine may miss them by its own fault. */
import type { Result } from './measure.ts';
import type { Group } from './scenario.ts';

interface Goal {
  readonly text: string;
  /** At most. */
  readonly bound: number;
  readonly shown: (value: number) => string;
  /** NaN where a row is missing. */
  readonly read: (results: readonly Result[]) => number;
}

const MEMORY_RATE = 'Weir, memory, 15,000 a second';
const REDIS_RATE = 'Weir, Redis, 15,000 a second';

const share = (value: number): string => `1/${(1 / value).toFixed(1)}`;
const times = (value: number): string => `${value.toFixed(2)} x`;
const ms = (value: number): string => `${value.toFixed(2)} ms`;
const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;

const GOALS: readonly Goal[] = [
  {
    text: 'in memory, CPU of the grpc-js handler that does nothing',
    bound: 1 / 15,
    shown: share,
    read: (all) => ofYardstick(all, 'Weir, memory'),
  },
  {
    text: 'through Redis, the same',
    bound: 1 / 10,
    shown: share,
    read: (all) => ofYardstick(all, 'Weir, Redis'),
  },
  { text: 'in memory, p99 at 15,000 a second', bound: 2, shown: ms, read: p99(MEMORY_RATE) },
  { text: 'through Redis, the same', bound: 3, shown: ms, read: p99(REDIS_RATE) },
  { text: 'in memory, of a core then', bound: 0.15, shown: percent, read: cores(MEMORY_RATE) },
  { text: 'through Redis, the same', bound: 0.25, shown: percent, read: cores(REDIS_RATE) },
  {
    text: '8 descriptors beside 1',
    bound: 3,
    shown: times,
    read: (all) =>
      cpuUs(all, 'matrix', 'memory, 1,000 keys, 8 descriptors') /
      cpuUs(all, 'matrix', 'memory, 1,000 keys, 1 descriptor'),
  },
  {
    text: '100,000 rules beside 10',
    bound: 1.1,
    shown: times,
    read: (all) =>
      cpuUs(all, 'rules', 'memory, 100,000 rules') / cpuUs(all, 'rules', 'memory, 10 rules'),
  },
];

export const GOAL_TITLES = ['goal', 'at most', 'measured', ''];

/** One row for each goal. */
export function goalRows(results: readonly Result[]): string[][] {
  return GOALS.map(({ text, bound, shown, read }) => {
    const value = read(results);
    if (!Number.isFinite(value)) return [text, shown(bound), '–', ''];
    return [text, shown(bound), shown(value), value <= bound ? 'met' : 'missed'];
  });
}

function ofYardstick(results: readonly Result[], name: string): number {
  const [first] = results;
  return first === undefined ? Number.NaN : cpuUs(results, 'sideBySide', name) / first.cpuUs;
}

function p99(name: string): Goal['read'] {
  return (results) => find(results, 'rate', name)?.latency?.p99 ?? Number.NaN;
}

function cores(name: string): Goal['read'] {
  return (results) => find(results, 'rate', name)?.cores ?? Number.NaN;
}

function cpuUs(results: readonly Result[], group: Group, name: string): number {
  return find(results, group, name)?.cpuUs ?? Number.NaN;
}

function find(results: readonly Result[], group: Group, name: string): Result | undefined {
  return results.find(({ scenario }) => scenario.group === group && scenario.name === name);
}
