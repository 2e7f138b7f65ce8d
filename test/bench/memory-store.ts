/**
 * The memory store: nanoseconds per charge with 1 k and with 1 M counters, and the longest stall
 * while
 * 1 M keys are inserted, with and without eviction. The median of many short stretches, so
 * that a busy machine changes it little. Run: node test/bench/memory-store.ts
 */
import { performance } from 'node:perf_hooks';
import { Unit } from '../../src/core/rules/unit.ts';
import { ownGroup } from '../../src/counters/groups.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import type { Charge, ChargeGroup } from '../../src/limiter/counter-store.ts';

const LISTENER = { settled: () => {} };
/** Requests made anew before each timed stretch: their keys are in the cache, as after decoding. */
const STRETCH = 500;
const ROUNDS = 4;
const NOON = Date.UTC(2026, 10, 5, 12);

/** 42 characters, as a rule with a literal and a free entry makes them, joined at run time. */
function requestOf(id: number): ChargeGroup[] {
  const user = `u${String(id).padStart(9, '0')}`;
  const charge: Charge = {
    key: `h8:checkout,4:user=${user.length}:${user},3:a=1:b`,
    unit: Unit.HOUR,
    limit: 1000,
    hits: 1,
    isRefund: false,
    isBinding: true,
    failureMode: 'error',
    isCritical: false,
    isLeased: false,
    degraded: null,
    before: 0,
    after: 0,
    resetMs: 0,
  };
  return [ownGroup([charge])];
}

/** `isNew`: each charge has a key made just before; else the same thousand come again and again. */
function speed(keys: number, charges: number, isNew: boolean): void {
  const store = new MemoryCounterStore({ now: Date.now });
  for (let id = 0; id < keys; id += 1) store.charge(requestOf(id), LISTENER);
  const known = Array.from({ length: STRETCH }, (_, id) => requestOf((id * 7919) % keys));
  const stretches: number[] = [];
  for (let done = 0; done < charges; done += STRETCH) {
    const requests = isNew ? known.map((_, i) => requestOf(((done + i) * 7919) % keys)) : known;
    const start = performance.now();
    for (let i = 0; i < STRETCH; i += 1) store.charge(requests[i] as ChargeGroup[], LISTENER);
    stretches.push(performance.now() - start);
  }
  const median = stretches.toSorted((a, b) => a - b)[stretches.length >> 1] as number;
  const ns = ((median * 1e6) / STRETCH).toFixed(0);
  console.log(`${keys} counters, ${isNew ? 'new' : 'known'} key strings: ${ns} ns per charge`);
}

/**
 * The same insertions several times over: what takes long each time, at the same key, is the store's
 * own work; a collection or another process hits another key each time.
 */
function stalls(keys: number, keysMax: number): void {
  const least = new Float64Array(keys).fill(Number.POSITIVE_INFINITY);
  let evictions = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const store = new MemoryCounterStore({ now: () => NOON, keysMax });
    for (let id = 0; id < keys; id += 1) {
      const request = requestOf(id);
      const start = performance.now();
      store.charge(request, LISTENER);
      least[id] = Math.min(least[id] as number, performance.now() - start);
    }
    evictions = store.evictions;
  }
  const slowest = least.toSorted().slice(-6).reverse();
  const text = Array.from(slowest, (ms) => ms.toFixed(2)).join(' ');
  console.log(`${keys} keys into ${keysMax}, ${evictions} evicted: slowest charges, ms: ${text}`);
}

speed(1000, 2_000_000, false);
speed(1000, 2_000_000, true);
speed(1_000_000, 2_000_000, true);
stalls(1_000_000, 1_000_000);
stalls(1_000_000, 250_000);
