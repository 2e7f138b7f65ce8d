/**
 * The memory store: nanoseconds per charge with 1 k and with 1 M counters, and the longest stall
 * while
 * 1 M keys are inserted, with and without eviction. The median of many short stretches, so
 * that a busy machine changes it little. Run: node test/bench/memory-store.ts
 */
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { Unit } from '../../src/core/rules/unit.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import { type Charge, type ChargeGroup, ChargePolicy } from '../../src/limiter/counter-store.ts';

const LISTENER = { settled: () => {} };
/** Requests made anew before each timed stretch: their keys are in the cache, as after decoding. */
const STRETCH = 500;

/** 42 characters, as a rule with a literal and a free entry makes them, joined at run time. */
function requestOf(id: number): ChargeGroup[] {
  const user = `u${String(id).padStart(9, '0')}`;
  const charge: Charge = {
    key: `h8:checkout,4:user=${user.length}:${user},3:a=1:b`,
    unit: Unit.HOUR,
    limit: 1000,
    hits: 1,
    isRefund: false,
    before: 0,
    after: 0,
    resetMs: 0,
  };
  return [{ charges: [charge], policy: ChargePolicy.ALL, failure: null }];
}

function speed(keys: number, charges: number): void {
  const store = new MemoryCounterStore({ now: Date.now });
  for (let id = 0; id < keys; id += 1) store.charge(requestOf(id), LISTENER);
  for (let round = 0; round < 4; round += 1) {
    const stretches: number[] = [];
    for (let done = 0; done < charges; done += STRETCH) {
      const requests: ChargeGroup[][] = [];
      for (let i = 0; i < STRETCH; i += 1) requests.push(requestOf(((done + i) * 7919) % keys));
      const start = performance.now();
      for (let i = 0; i < STRETCH; i += 1) store.charge(requests[i] as ChargeGroup[], LISTENER);
      stretches.push(performance.now() - start);
    }
    const median = stretches.toSorted((a, b) => a - b)[stretches.length >> 1] as number;
    const ns = (median * 1e6) / STRETCH;
    console.log(`${keys} keys: ${ns.toFixed(1)} ns per charge (round ${round})`);
  }
}

interface Span {
  readonly start: number;
  readonly ms: number;
}

/** Slow charges, without the collections that fell into them. */
async function stalls(keys: number, keysMax: number): Promise<void> {
  const pauses: Span[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      pauses.push({ start: startTime, ms: duration });
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const store = new MemoryCounterStore({ now: Date.now, keysMax });
  const slow: Span[] = [];
  for (let id = 0; id < keys; id += 1) {
    const request = requestOf(id);
    const start = performance.now();
    store.charge(request, LISTENER);
    const ms = performance.now() - start;
    if (ms > 0.2) slow.push({ start, ms });
    if (id % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  const own = slow.map(({ start, ms }) => {
    const within = pauses.filter((its) => its.start < start + ms && its.start + its.ms > start);
    return Math.max(0, ms - within.reduce((sum, its) => sum + its.ms, 0));
  });
  console.log(`${keys} keys into ${keysMax}: ${store.keyCount} kept, ${store.evictions} evicted`);
  console.log(`  slowest charges less collections, ms: ${top(own)}`);
  console.log(`  slowest collections, ms: ${top(pauses.map(({ ms }) => ms))}`);
  await store.close();
}

function top(list: number[]): string {
  const largest = list.toSorted((a, b) => b - a).slice(0, 6);
  return largest.map((ms) => ms.toFixed(2)).join(' ');
}

speed(1000, 2_000_000);
speed(1_000_000, 2_000_000);
await stalls(1_000_000, 1_000_000);
await stalls(1_000_000, 250_000);
