/** Runs one scenario: starts its processes, warms them up, loads them, and reads what they used. */

import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { H2cConnection } from '../support/h2c-connection.ts';
import { LoadClient } from '../support/load-client.ts';
import type { Percentiles, Summary } from '../support/load-report.ts';
import { ClosedLoad } from './closed-load.ts';
import { runH2load } from './h2load.ts';
import { cpuMsOf, residentBytesOf } from './process-usage.ts';
import type { Load, Scenario } from './scenario.ts';
import { type Other, startTarget, type Target } from './target.ts';
import { requestMessages, requestsAsJson } from './traffic.ts';

/** How long things are done. */
export interface Effort {
  readonly warmUpMs: number;
  /** Until then code is compiled, however little of the time on the wall a busy machine gives. */
  readonly warmUpCalls: number;
  readonly roundMs: number;
  /** The median of them counts. */
  readonly rounds: number;
  /** Of a load at a fixed rate, before it counts: a process that is young collects garbage more slowly. */
  readonly rateWarmUpMs: number;
  readonly rateMs: number;
  readonly h2loadCalls: number;
  /** Of idle connections, at most what the scenario says. */
  readonly connectionsMax: number;
}

/** What there is of it depends on the load; NaN is not known. */
export interface Result {
  readonly scenario: Scenario;
  /** Of the server's process, for each request. */
  readonly cpuUs: number;
  readonly redisCpuUs: number;
  /** Requests answered each second of the clock on the wall. */
  readonly perSecond: number;
  /** Seconds of CPU that the server's process used each second. */
  readonly cores: number;
  readonly latency: Percentiles | null;
  /** Calls that were not answered with a status. */
  readonly failed: number;
  /** Share of the time for which the generator itself was held up. */
  readonly stalled: number;
  readonly bytesPerConnection: number;
}

const NOTHING = {
  cpuUs: Number.NaN,
  redisCpuUs: Number.NaN,
  perSecond: Number.NaN,
  cores: Number.NaN,
  latency: null,
  failed: 0,
  stalled: 0,
  bytesPerConnection: Number.NaN,
} as const;
type Part = Partial<Omit<Result, 'scenario'>>;

/** Memory is looked at when what was just made has settled. */
const SETTLE_MS = 1000;

/** Rejects when a call fails that should not. */
export async function measure(
  scenario: Scenario,
  effort: Effort,
  other: Other | null,
): Promise<Result> {
  await using target = await startTarget(scenario, other);
  const part = await underLoad(scenario, target, effort);
  return { ...NOTHING, ...part, scenario };
}

function underLoad(scenario: Scenario, target: Target, effort: Effort): Promise<Part> {
  const { load } = scenario;
  switch (load.kind) {
    case 'closed':
      return closed(scenario, load, target, effort);
    case 'rate':
      return atRate(scenario, load, target, effort);
    case 'idle':
      return idle(scenario, load, target, effort);
    case 'h2load':
      return byH2load(scenario, load, target, effort);
  }
}

/** CPU that the processes of a target used while `work` ran. */
async function usage(target: Target, work: () => Promise<void>) {
  const before = [cpuMsOf(target.pid), cpuMsOf(target.redisPid), performance.now()] as const;
  await work();
  const spanMs = performance.now() - before[2];
  return {
    cpuMs: cpuMsOf(target.pid) - before[0],
    redisCpuMs: cpuMsOf(target.redisPid) - before[1],
    spanMs,
  };
}

async function closed(
  { traffic }: Scenario,
  { connections, inFlight }: Extract<Load, { kind: 'closed' }>,
  target: Target,
  effort: Effort,
): Promise<Part> {
  const messages = requestMessages(traffic);
  const load = await ClosedLoad.open({ ...target, messages, connections, inFlight });
  try {
    await warmUp(load, messages.length, effort);
    const rounds: Part[] = [];
    for (let i = 0; i < effort.rounds; i += 1) {
      const answeredBefore = load.answered;
      const used = await usage(target, () => load.run(effort.roundMs));
      rounds.push(perRequest(used, load.answered - answeredBefore));
    }
    const sorted = rounds.toSorted((a, b) => (a.cpuUs ?? 0) - (b.cpuUs ?? 0));
    return sorted[rounds.length >> 1] as Part;
  } finally {
    load.close();
  }
}

/** Every key comes once, and code is compiled. */
function warmUp(load: ClosedLoad, keys: number, effort: Effort): Promise<void> {
  return load.run(effort.warmUpMs, Math.max(effort.warmUpCalls, keys));
}

function perRequest(used: Awaited<ReturnType<typeof usage>>, requests: number): Part {
  return {
    cpuUs: (used.cpuMs * 1000) / requests,
    redisCpuUs: (used.redisCpuMs * 1000) / requests,
    perSecond: (requests * 1000) / used.spanMs,
    cores: used.cpuMs / used.spanMs,
  };
}

async function atRate(
  { traffic }: Scenario,
  { connections, perSecond }: Extract<Load, { kind: 'rate' }>,
  target: Target,
  effort: Effort,
): Promise<Part> {
  const messages = requestMessages(traffic);
  const warming = await ClosedLoad.open({ ...target, messages, connections, inFlight: 100 });
  await warmUp(warming, messages.length, effort);
  warming.close();
  const requests = requestsAsJson(traffic);
  const options = { ...target, requests, ratePerSecond: perSecond, connections };
  const run = async (durationMs: number): Promise<Summary> => {
    using load = await LoadClient.start({ ...options, durationMs });
    return (await load.done).summary();
  };
  await run(effort.rateWarmUpMs);
  let summary = null as Summary | null;
  const used = await usage(target, async () => {
    summary = await run(effort.rateMs);
  });
  if (summary === null) throw new Error('the load ended without a report');
  const { outcomes, due, fromDue, stalls } = summary;
  const answered = (outcomes.OK ?? 0) + (outcomes.OVER_LIMIT ?? 0) + (outcomes.UNKNOWN ?? 0);
  return {
    ...perRequest(used, due),
    latency: fromDue,
    failed: due - answered,
    stalled: stalls.totalMs / used.spanMs,
  };
}

async function byH2load(
  { traffic }: Scenario,
  { connections, inFlight }: Extract<Load, { kind: 'h2load' }>,
  target: Target,
  effort: Effort,
): Promise<Part> {
  const [message] = requestMessages({ ...traffic, keys: 1 }) as [Uint8Array];
  const call = { ...target, message, connections, inFlight };
  await runH2load({ ...call, calls: effort.h2loadCalls >> 1 });
  const used = await usage(target, () => runH2load({ ...call, calls: effort.h2loadCalls }));
  return perRequest(used, effort.h2loadCalls);
}

/** The first tenth takes what is made once, such as memory pools: it is not counted. */
async function idle(
  { traffic }: Scenario,
  load: Extract<Load, { kind: 'idle' }>,
  target: Target,
  effort: Effort,
): Promise<Part> {
  const count = Math.min(load.connections, effort.connectionsMax);
  const messages = requestMessages({ ...traffic, keys: 1 });
  const open: H2cConnection[] = [];
  try {
    for (let i = 0; i < count / 10; i += 1) open.push(await callOnce(target, messages));
    await settle();
    const before = residentBytesOf(target.pid);
    for (let i = 0; i < count; i += 1) open.push(await callOnce(target, messages));
    await settle();
    return { bytesPerConnection: (residentBytesOf(target.pid) - before) / count };
  } finally {
    for (const connection of open) connection.close();
  }
}

/** A connection that has had one call answered. */
function callOnce({ host, port }: Target, messages: Uint8Array[]): Promise<H2cConnection> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path: SHOULD_RATE_LIMIT, messages };
    const connection = new H2cConnection(options, {
      message: () => {},
      ended: () => resolve(connection),
      settled: () => {},
      closed: (reason) => reject(new Error(`idle connection: ${reason}`)),
    });
    void connection.greeted.then(() => {
      connection.call(0);
      connection.flush();
    });
  });
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
