/** How a gate tells a store that is well from one that is not, and from a delay of our own. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BreakerGate, type GateOptions } from '../../../src/counters/guarded/breaker-gate.ts';
import type { ChargeGroup, ChargeListener } from '../../../src/limiter/counter-store.ts';
import { ask, group } from '../../contract/charges.ts';
import { FailingStore } from './failing-store.ts';

const HEALTH_EVERY_MS = 250;
const SLOW_MS = 10;

/** Serves reads and refuses writes, as a Redis that was made a replica does. */
class ReadableStore extends FailingStore {
  readonly keys: string[] = [];

  override charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const isWrite = groups.some(({ charges }) => charges.some(({ hits }) => hits > 0));
    this.keys.push(...groups.flatMap(({ charges }) => charges.map(({ key }) => key)));
    if (isWrite) super.charge(groups, listener);
    else this.memory.charge(groups, listener);
  }

  override get isHealthy(): boolean {
    return true;
  }
}

let clock = 0;

function gateOf(inner: FailingStore, changed: Partial<GateOptions> = {}): BreakerGate {
  const breaker = { slowMs: SLOW_MS };
  return new BreakerGate({
    inner,
    monotonic: () => clock,
    random: () => 0,
    wasStalledSince: () => false,
    onTransition: () => {},
    breakers: { check: breaker, refund: breaker, peek: breaker },
    ...changed,
  });
}

async function fail(gate: BreakerGate, inner: FailingStore): Promise<void> {
  inner.failure = { code: 'unavailable', text: 'READONLY' };
  for (let failures = 0; failures < 5; failures += 1) {
    await ask(gate, [group({ key: 'k' })]);
    clock += 1;
  }
}

beforeEach(() => {
  clock = 0;
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a store that only reads is not well, however well it does that', async () => {
  const inner = new ReadableStore(() => 0);
  const gate = gateOf(inner);
  await fail(gate, inner);
  vi.advanceTimersByTime(HEALTH_EVERY_MS);
  expect(gate.breakerState('check')).toMatchObject({ kind: 'open', reason: 'failures-in-row' });
  inner.failure = null;
  vi.advanceTimersByTime(HEALTH_EVERY_MS);
  expect(gate.breakerState('check').kind).toBe('ramping');
});

test('health is asked of a key that rights for all other keys are for, too', async () => {
  const inner = new ReadableStore(() => 0);
  const gate = gateOf(inner, { keyPrefix: 'shop:' });
  await fail(gate, inner);
  inner.keys.length = 0;
  vi.advanceTimersByTime(HEALTH_EVERY_MS);
  expect(inner.keys).toEqual(['shop:weir:health']);
});

test.each([
  ['slow answers end the taking back into use', false, 'open'],
  ['answers that were slow because we stalled do not', true, 'ramping'],
] as const)('%s', async (_name, isOurs, want) => {
  const inner = new FailingStore(() => 0);
  let wasStalled = false;
  const gate = gateOf(inner, { wasStalledSince: () => wasStalled });
  await fail(gate, inner);
  inner.become(null);
  for (let probes = 0; probes < 3; probes += 1) await ask(gate, [group({ key: 'k' })]);
  expect(gate.breakerState('check').kind).toBe('ramping');
  wasStalled = isOurs;
  inner.charge = (groups, listener) => {
    clock += SLOW_MS + 1;
    inner.memory.charge(groups, listener);
  };
  for (let calls = 0; calls < 20; calls += 1) await ask(gate, [group({ key: 'k' })]);
  expect(gate.breakerState('check').kind).toBe(want);
});
