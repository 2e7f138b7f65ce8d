/**
 * Fills a memory store with a million counters and prints what each takes of the heap, as JSON. Its
 * keys are pieces of longer texts, which must not stay for their sake. Needs --expose-gc.
 */
import { Unit } from '../../../src/core/rules/unit.ts';
import { ownGroup } from '../../../src/counters/groups.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';

const KEYS = 1_000_000;
const REST = '-'.repeat(200);
const collect = globalThis.gc as () => void;

function usedBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const store = new MemoryCounterStore({ now: Date.now, keysMax: KEYS });
const before = usedBytes();
for (let id = 0; id < KEYS; id += 1) {
  const user = `acct-${String(id).padStart(14, '0')}`;
  const request = `domain=checkout;h8:checkout,4:user=${user};${REST}`;
  const charge = {
    key: request.slice(16, 54),
    scope: request.slice(16, 35),
    rest: request.slice(35, 54),
    unit: Unit.YEAR,
    limit: 1,
    hits: 1,
    isRefund: false,
    isBinding: true,
    failureMode: 'error' as const,
    isCritical: false,
    isLeased: false,
    degraded: null,
    before: 0,
    after: 0,
    resetMs: 0,
  };
  store.charge([ownGroup([charge])], {
    settled: () => {},
  });
}
const bytesPerKey = (usedBytes() - before) / KEYS;
process.stdout.write(JSON.stringify({ keys: store.keyCount, bytesPerKey }));
