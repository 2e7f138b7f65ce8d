/** The bench's parts, each for a moment: that they work and what they give, never how long things take. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GOAL_TITLES, goalRows } from './bench/goals.ts';
import { hasH2load } from './bench/h2load.ts';
import { type Effort, measure, type Result } from './bench/measure.ts';
import { replaceMeasured } from './bench/page.ts';
import { GROUPS, type Group, type Scenario, scenarios, YARDSTICK } from './bench/scenario.ts';
import { header, line, markdown, ratio, row } from './bench/tables.ts';
import { otherFrom } from './bench/target.ts';

const TINY: Effort = {
  warmUpMs: 50,
  warmUpCalls: 100,
  roundMs: 50,
  rounds: 3,
  rateWarmUpMs: 50,
  rateMs: 200,
  h2loadCalls: 200,
  connectionsMax: 20,
};
const ALL = scenarios(true);

function find(group: Group, name: string): Scenario {
  const found = ALL.find((each) => each.group === group && each.name === name);
  if (found === undefined) throw new Error(`no row ${name} in ${group}`);
  return found;
}

test.each<[string, Scenario, (keyof Result)[]]>([
  ['calls always in flight', YARDSTICK, ['cpuUs', 'perSecond', 'cores']],
  [
    'the same through Redis',
    find('matrix', 'Redis, 1 key, 8 descriptors'),
    ['cpuUs', 'redisCpuUs', 'perSecond'],
  ],
  ['calls at a rate', find('rate', 'Weir, memory, 5,000 a second'), ['cpuUs', 'cores']],
  ['idle connections', find('idle', 'Weir'), []],
])('measures %s', { skip: process.platform !== 'linux' }, async (_name, scenario, known) => {
  const result = await measure(scenario, TINY, null);
  for (const name of known) expect(result[name], name).toBeGreaterThan(0);
  expect(result.failed).toBe(0);
  expect(result.latency !== null).toBe(scenario.load.kind === 'rate');
  expect(Number.isFinite(result.bytesPerConnection)).toBe(scenario.load.kind === 'idle');
  expect(row(result, result, result.cpuUs)).toHaveLength(header(scenario.group).length);
});

test('measures by h2load, where it is', { skip: !hasH2load }, async () => {
  const result = await measure(find('sideBySide', 'Weir, memory, by h2load'), TINY, null);
  expect(result.perSecond).toBeGreaterThan(0);
});

test('a call that is refused ends the measurement with the reason', async () => {
  // Without a rule an answer has no limit, and is shorter than the generator was told.
  const strange = { ...YARDSTICK, server: find('idle', 'Weir').server };
  const traffic = { ...strange.traffic, rules: 0 };
  await expect(measure({ ...strange, traffic }, TINY, null)).rejects.toThrow('load generator: ');
});

test('every group has rows, whose names differ, and the quick form most groups', () => {
  expect(ALL[0]).toBe(YARDSTICK);
  for (const group of Object.keys(GROUPS)) {
    const names = ALL.filter((each) => each.group === group).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(1);
    expect(new Set(names).size).toBe(names.length);
  }
  const ofOthers = ALL.filter(({ server }) => server.kind === 'other');
  expect(scenarios(false)).toEqual(ALL.filter((each) => !ofOthers.includes(each)));
  expect(ofOthers.length).toBeGreaterThan(0);
  expect(ALL.filter(({ isQuick }) => isQuick).length).toBeLessThan(ALL.length / 3);
});

test('every goal is read from rows that there are, and is met or missed', () => {
  const latency = { p50: 1, p99: 2.5, p999: 3, p9999: 3, max: 3 };
  const numbers = { redisCpuUs: 1, perSecond: 1, cores: 0.2, latency, failed: 0, stalled: 0 };
  const results = ALL.map((scenario) => {
    return { scenario, cpuUs: 7, bytesPerConnection: 1, ...numbers };
  });
  const rows = goalRows(results);
  const verdicts = ['missed', 'missed', 'missed', 'met', 'missed', 'met', 'met', 'met'];
  expect(rows.map((cells) => cells.at(-1))).toEqual(verdicts);
  for (const cells of rows) expect(cells).toHaveLength(GOAL_TITLES.length);
  expect(goalRows([]).map((cells) => cells[2])).toEqual(rows.map(() => '–'));
});

test.each([
  [1, 15, '1/15.0'],
  [2, 2, '1.00'],
  [30, 15, '2.00'],
  [1, Number.NaN, '–'],
])('%d of %d is written %s', (part, whole, text) => expect(ratio(part, whole)).toBe(text));

test('a table is the same on the terminal and on the page', () => {
  expect(line(['name', '1.00'])).toMatch(/^ {2}name +1\.00$/);
  expect(markdown(['', 'n'], [['name', '1.00']])).toBe('|  | n |\n| --- | ---: |\n| name | 1.00 |');
});

test('the page keeps what is written by hand, and has its measured part replaced', () => {
  const page = readFileSync(new URL('../docs/performance.md', import.meta.url), 'utf8');
  const once = replaceMeasured(page, 'first run');
  const twice = replaceMeasured(once, 'second run');
  expect(once).toContain('\n\nfirst run\n\n');
  expect(twice).toBe(once.replace('first run', 'second run'));
  expect(page.startsWith(twice.slice(0, twice.indexOf('<!--')))).toBe(true);
  expect(() => replaceMeasured('a page', 'numbers')).toThrow('the page has no lines');
});

test.each([
  [{}, null],
  [{ BENCH_OTHER: 'rls.example:8081' }, { host: 'rls.example', port: 8081, pid: null }],
  [
    { BENCH_OTHER: '127.0.0.1:1', BENCH_OTHER_PID: '77' },
    { host: '127.0.0.1', port: 1, pid: 77 },
  ],
])('another service is named by %o', (env, other) => expect(otherFrom(env)).toEqual(other));

test.each([
  [{ BENCH_OTHER: '8081' }, 'BENCH_OTHER: 8081 is not host:port'],
  [{ BENCH_OTHER: 'a:1', BENCH_OTHER_PID: 'x' }, 'BENCH_OTHER_PID: x is not the id of a process'],
])('is told what is wrong with %o', (env, text) => expect(() => otherFrom(env)).toThrow(text));
