/**
 * Decisions of leased limits beside those of the memory store: CPU of each, and their ratio. Both in turn, as
 * often as a read of the listener brings requests; the median of many stretches. A lone replica with shares of
 * rates, which need no refresh in that time. Run: node test/bench/leased-store.ts
 */
import { Unit } from '../../src/core/rules/unit.ts';
import { LeasedCounterStore } from '../../src/counters/leased/leased-counter-store.ts';
import type { ChargeGroup, CounterStore } from '../../src/limiter/counter-store.ts';
import { TurnClock } from '../../src/service/turn-clock.ts';
import { ask, group } from '../contract/charges.ts';
import { LoneReplica } from '../counters/leased/lone-replica.ts';

const KEYS = 100;
/** Requests in one turn of the loop. */
const TURN = 200;
const TURNS = 200;
const ROUNDS = 40;
const LIMIT = 4_000_000_000;
const LISTENER = { settled: () => {} };

function requests(isLeased: boolean): ChargeGroup[][] {
  return Array.from({ length: KEYS }, (_, id) => [
    group({ key: `s4:shop,4:path=11:/checkout${id}`, unit: Unit.SECOND, limit: LIMIT, isLeased }),
  ]);
}

/** Nanoseconds of CPU per decision. */
async function stretch(store: CounterStore, asked: readonly ChargeGroup[][]): Promise<number> {
  const before = process.cpuUsage();
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (let at = 0; at < TURN; at += 1) {
      store.charge(asked[(turn + at) % KEYS] as ChargeGroup[], LISTENER);
    }
    await Promise.resolve();
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (TURNS * TURN);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

const keepRunning = setInterval(() => {}, 1000);
const replica = await LoneReplica.start();
const store = new LeasedCounterStore({
  inner: replica.memory,
  shares: replica.member.group.lessee,
  moment: new TurnClock(() => ({ now: performance.now(), wall: Date.now() })).now,
  monotonic: () => performance.now(),
  decideMs: 1000,
  local: { store: replica.memory, replicas: 1, now: Date.now },
});
const leased = requests(true);
const counted = requests(false);
await Promise.all(leased.map((groups) => ask(store, groups)));
const ns: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round += 1) {
  ns[0].push(await stretch(store, leased));
  ns[1].push(await stretch(replica.memory, counted));
  // Leases are renewed in between.
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const [leasedNs, memoryNs] = [median(ns[0]), median(ns[1])];
console.log(
  `leased ${leasedNs.toFixed(0)} ns, memory ${memoryNs.toFixed(0)} ns of CPU per decision: ` +
    `${(leasedNs / memoryNs).toFixed(2)} times`,
);
console.log(store.counts.results);
clearInterval(keepRunning);
await replica.stop();
