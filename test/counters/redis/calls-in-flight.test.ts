/** Calls that follow one whose reply takes long: when they go, how many, and what becomes of them. */
import { describe, expect, test } from 'vitest';
import { ONLY_ROUTE } from '../../../src/counters/redis/call-route.ts';
import { CallsInFlight } from '../../../src/counters/redis/calls-in-flight.ts';
import { ChargeCall } from '../../../src/counters/redis/charge-call.ts';
import type { ChargeGroup, ChargeOutcome } from '../../../src/limiter/counter-store.ts';
import { ask, askOne, group, readings } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { health, type Rig, startRig } from './rig.ts';

const FAILURE = { code: 'timeout', text: '' } as const;

function newCall(): ChargeCall {
  return new ChargeCall({
    routeOf: () => ONLY_ROUTE,
    keysOf: () => ({ format: 'exact', prefix: '', tag: '' }),
    lost: FAILURE,
    late: FAILURE,
    hasty: FAILURE,
  });
}

describe('the next call goes', () => {
  test('at once while none is out', () => {
    expect(new CallsInFlight(100).nextAt).toBe(-Infinity);
  });

  test('a fifth of the timeout after the last, until four are out', () => {
    const calls = new CallsInFlight(100);
    const sent = [0, 20, 45, 65].map((at) => {
      const call = newCall();
      calls.begin(call, at);
      return call;
    });
    expect([calls.nextAt, calls.oldestSentAt]).toEqual([Infinity, 0]);
    calls.end(sent[1] as ChargeCall);
    expect([calls.nextAt, calls.oldestSentAt]).toEqual([85, 0]);
    calls.end(sent[0] as ChargeCall);
    expect([calls.nextAt, calls.oldestSentAt]).toEqual([85, 45]);
    calls.end(sent[3] as ChargeCall);
    expect([calls.nextAt, calls.oldestSentAt, calls.isEmpty]).toEqual([65, 45, false]);
    calls.end(sent[2] as ChargeCall);
    expect([calls.nextAt, calls.oldestSentAt, calls.isEmpty]).toEqual([-Infinity, Infinity, true]);
  });
});

/** Of a Redis that hangs: one group after the other, each once the call of the one before is out. */
async function askWhileFrozen({ store, server }: Rig, groups: number) {
  const { calls } = store;
  server.freeze();
  const asked: Promise<readonly ChargeGroup[]>[] = [];
  for (let number = 1; number <= groups; number += 1) {
    asked.push(ask(store, [group({ key: 'k', hits: 10 ** number })]));
    await until(
      () => store.calls,
      (count) => count === calls + number,
    );
  }
  return asked;
}

describe('while a reply takes long', () => {
  test('who comes then is charged by a call of its own, and reads what came before', async () => {
    await using rig = await startRig({ timeoutMs: 5000, silenceMaxMs: 60_000 });
    expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
    const began = performance.now();
    const asked = await askWhileFrozen(rig, 2);
    expect(performance.now() - began).toBeGreaterThan(999);
    rig.server.thaw();
    const groups = (await Promise.all(asked)).flat();
    expect(readings(groups)).toEqual([['1>11'], ['11>111']]);
    expect(rig.store.groupsQueued).toBe(0);
  });

  test('as long as the clock of the server is not known, one call is all', async () => {
    await using rig = await startRig({ timeoutMs: 100, silenceMaxMs: 60_000 });
    rig.server.freeze();
    const first = ask(rig.store, [group({ key: 'k' })]);
    await until(
      () => rig.store.calls,
      (calls) => calls === 1,
    );
    const second = ask(rig.store, [group({ key: 'k' })]);
    expect(readings([...(await first), ...(await second)])).toEqual([['timeout'], ['timeout']]);
    expect(rig.store.calls).toBe(1);
    rig.server.thaw();
  });

  test('four go at most, and when all are lost each is found out by the next', async () => {
    await using rig = await startRig({ timeoutMs: 2000, silenceMaxMs: 2500 });
    expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
    const lost = health(rig.store, false);
    const asked = await askWhileFrozen(rig, 4);
    const fifth = ask(rig.store, [group({ key: 'k' })]);
    await asked[0];
    expect([rig.store.calls, rig.store.groupsQueued]).toEqual([5, 1]);
    const groups = (await Promise.all([...asked, fifth])).flat();
    const areSent = groups.map(({ failure }) => failure?.outcome !== undefined);
    expect(areSent).toEqual([true, true, true, true, false]);
    const known: ChargeOutcome[] = [];
    for (const { failure } of groups) failure?.outcome?.onKnown((outcome) => known.push(outcome));
    await lost;
    const back = health(rig.store, true);
    rig.server.thaw();
    await back;
    const reading = await askOne(rig.store, { key: 'k' });
    expect(known).toHaveLength(4);
    const made = known.map((outcome, index) => (outcome === 'made' ? 10 ** (index + 1) : 0));
    const count = made.reduce((sum, hits) => sum + hits, 1);
    expect(reading).toBe(`${count}>${count + 1}`);
    expect(known).not.toContain('unknown');
  });
});
