/** The whole run: scenario after scenario, then the parts of a request without sockets. */

import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { redisProgram } from '../support/parts.ts';
import { measureDecode, measureEncode, measureGeneratedDecode } from './codec.ts';
import { GOAL_TITLES, goalRows } from './goals.ts';
import { hasH2load } from './h2load.ts';
import { type Effort, measure, type Result } from './measure.ts';
import { pinGenerator, pinningText } from './one-core.ts';
import { measurePipeline, PIPELINE_CASES } from './pipeline.ts';
import { coresOfOthers } from './process-usage.ts';
import { GROUPS, type Group, type Scenario, scenarios, YARDSTICK } from './scenario.ts';
import { header, line, markdown, ratio, row } from './tables.ts';
import type { Other } from './target.ts';

export interface BenchOptions {
  readonly effort: Effort;
  /** Only the rows that are marked so, and no parts of a request. */
  readonly isQuick: boolean;
  readonly other: Other | null;
  readonly print: (text: string) => void;
}

export const QUICK: Effort = {
  warmUpMs: 500,
  warmUpCalls: 40_000,
  roundMs: 400,
  rounds: 3,
  rateWarmUpMs: 1000,
  rateMs: 2000,
  h2loadCalls: 50_000,
  connectionsMax: 300,
};
export const FULL: Effort = {
  warmUpMs: 1500,
  warmUpCalls: 100_000,
  roundMs: 1000,
  rounds: 3,
  rateWarmUpMs: 8000,
  rateMs: 6000,
  h2loadCalls: 200_000,
  connectionsMax: 1000,
};

/** Cores that others may keep busy before the numbers are called into question. */
const BUSY_CORES_MAX = 0.3;
const LOOK_MS = 1000;

/** Measures and prints; returns the measured part of the page. */
export async function runBench(options: BenchOptions): Promise<string> {
  const { print, isQuick, other } = options;
  const machine = await describeMachine();
  print(machine);
  pinGenerator();
  const chosen = scenarios(other !== null)
    .filter((each) => !isQuick || each.isQuick)
    .filter(({ load }) => hasH2load || load.kind !== 'h2load');
  const sections: string[] = [];
  const all: Result[] = [];
  let yardstickUs = Number.NaN;
  for (const group of Object.keys(GROUPS) as Group[]) {
    const results = await runGroup(group, chosen, { ...options, yardstickUs });
    yardstickUs = results.find(({ scenario }) => scenario === YARDSTICK)?.cpuUs ?? yardstickUs;
    sections.push(section(group, results, yardstickUs));
    all.push(...results);
  }
  if (!isQuick) sections.push(partsSection(yardstickUs, print));
  return [machine, goalsSection(all, print), ...sections].join('\n\n');
}

type GroupOptions = BenchOptions & { readonly yardstickUs: number };

async function runGroup(
  group: Group,
  chosen: readonly Scenario[],
  { effort, other, print, ...options }: GroupOptions,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const scenario of chosen.filter((each) => each.group === group)) {
    if (results.length === 0) print(`\n${GROUPS[group]}\n${line(header(group))}`);
    const result = await measure(scenario, effort, other);
    results.push(result);
    const first = results[0] as Result;
    const yardstickUs = group === YARDSTICK.group ? first.cpuUs : options.yardstickUs;
    print(line(row(result, first, yardstickUs)));
  }
  return results;
}

function section(group: Group, results: readonly Result[], yardstickUs: number): string {
  const [first] = results;
  if (first === undefined) return '';
  const rows = results.map((each) => row(each, first, yardstickUs));
  return `### ${GROUPS[group]}\n\n${markdown(header(group), rows)}`;
}

function goalsSection(all: readonly Result[], print: (text: string) => void): string {
  const rows = goalRows(all);
  print(`\nGoals\n${[GOAL_TITLES, ...rows].map(line).join('\n')}`);
  return `### Goals\n\n${markdown(GOAL_TITLES, rows)}`;
}

/** What a request costs in this process, without a transport. */
function partsSection(yardstickUs: number, print: (text: string) => void): string {
  const titles = ['', 'CPU, µs', 'of grpc-js'];
  const rows: string[][] = [];
  const add = (name: string, ns: number): void => {
    const cells = [name, (ns / 1000).toFixed(2), ratio(ns / 1000, yardstickUs)];
    rows.push(cells);
    print(line(cells));
  };
  const title = 'Without sockets: bytes of a request to bytes of its answer';
  print(`\n${title}\n${line(titles)}`);
  for (const each of PIPELINE_CASES) add(each.name, measurePipeline(each));
  add('of these: decoding one descriptor', measureDecode());
  add('the same by the generated code', measureGeneratedDecode());
  add('of these: encoding one status', measureEncode());
  return `### ${title}\n\n${markdown(titles, rows)}`;
}

/** Where and when, and whether others were at work there. */
async function describeMachine(): Promise<string> {
  const others = await coresOfOthers(LOOK_MS);
  const all = cpus();
  const model = (all[0]?.model ?? '').replace(/\s+/g, ' ').trim();
  const date = new Date().toLocaleDateString('en-GB', { dateStyle: 'long' });
  const lines = [
    `${all.length} cores (${model === '' ? 'of unknown model' : model}), ${memoryText()}, Node ` +
      `${process.versions.node}, ${redisVersion()}, ${process.platform} ${process.arch}, ${date}; ` +
      `${pinningText()}.`,
  ];
  if (others > BUSY_CORES_MAX) {
    lines.push(
      `**The machine was busy**: before the run others kept ${others.toFixed(1)} of ${all.length} ` +
        'cores at work. CPU per request compares all the same, latencies do not.',
    );
  }
  return lines.join('\n\n');
}

function memoryText(): string {
  return `${Math.round(totalmem() / 2 ** 30)} GiB`;
}

function redisVersion(): string {
  const { stdout } = spawnSync(redisProgram(), ['--version'], { encoding: 'utf8' });
  return `Redis ${/v=([0-9.]+)/.exec(stdout ?? '')?.[1] ?? 'of unknown version'}`;
}
