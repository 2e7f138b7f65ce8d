/** What is found out of charges whose callers were answered before Redis was. */
import { describe, expect, test } from 'vitest';
import { CallOutcomes, LateOutcome } from '../../../src/counters/redis/call-outcomes.ts';
import { RedisClock } from '../../../src/counters/redis/redis-clock.ts';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { ChargeGroup, ChargeOutcome } from '../../../src/limiter/counter-store.ts';
import { ask, askOne, group, groupOf, readings } from '../../contract/charges.ts';
import { pause, until } from '../../support/child.ts';
import { startFakeRedis } from './fake-redis.ts';
import { counterKeys, health, startRig } from './rig.ts';

/** Resolves when it is known; fails at once when the store is sure that nothing was made. */
function outcomeOf([its]: readonly ChargeGroup[]): Promise<ChargeOutcome> {
  return new Promise((resolve) => {
    its?.failure?.outcome?.onKnown(resolve);
  });
}

test('a call that begins after its deadline charges nothing, and says so', async () => {
  await using rig = await startRig({ timeoutMs: 300, silenceMaxMs: 60_000 });
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
  rig.server.freeze();
  const late = await ask(rig.store, [group({ key: 'k', hits: 100 })]);
  expect(readings(late)).toEqual([['timeout']]);
  const outcome = outcomeOf(late);
  // How long the first call took is how uncertain the server's clock is.
  await pause(200);
  rig.server.thaw();
  expect(await outcome).toBe('not-made');
  expect(rig.store.lateCalls).toBe(1);
  expect(await rig.redis.get('k')).toBe('1');
});

test("the caller's deadline counts where it is before the store's own", async () => {
  await using rig = await startRig({ timeoutMs: 20_000, silenceMaxMs: 60_000 });
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
  rig.server.freeze();
  const hasty = ask(rig.store, [
    groupOf(group({ key: 'k' }).charges, { deadlineMs: performance.now() + 100 }),
  ]);
  const patient = ask(rig.store, [group({ key: 'k', hits: 10 })]);
  const timedOut = await hasty;
  expect(readings(timedOut)).toEqual([['timeout']]);
  const outcome = outcomeOf(timedOut);
  rig.server.thaw();
  // In one call with a patient one it was charged: nothing was dealt to it, and it knows.
  expect(readings(await patient)).toEqual([['2>12']]);
  expect(await outcome).toBe('made');
  expect(timedOut[0]?.charges[0]?.after).toBeNaN();
});

test('a deadline that has passed already is answered at once', async () => {
  await using rig = await startRig();
  const calls = rig.store.calls;
  const past = groupOf(group({ key: 'k' }).charges, { deadlineMs: performance.now() });
  expect(readings(await ask(rig.store, [past]))).toEqual([['timeout']]);
  expect(past.failure?.outcome).toBeUndefined();
  expect(past.failure?.isCallers).toBe(true);
  expect(rig.store.calls).toBe(calls);
});

test('a short deadline speaks against the server only when that owes an answer for longer', async () => {
  await using rig = await startRig({ timeoutMs: 400, silenceMaxMs: 60_000 });
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
  const within = (ms: number) =>
    ask(rig.store, [groupOf(group({ key: 'k' }).charges, { deadlineMs: performance.now() + ms })]);
  const isCallers = ([its]: readonly ChargeGroup[]) => [
    its?.failure?.code,
    its?.failure?.isCallers === true,
  ];
  rig.server.freeze();
  expect(isCallers(await within(50))).toEqual(['timeout', true]);
  expect(isCallers(await within(300))).toEqual(['timeout', false]);
  await pause(100);
  expect(isCallers(await within(50))).toEqual(['timeout', false]);
  rig.server.thaw();
});

test('after a lost connection the next call finds out what became of the last', async () => {
  await using rig = await startRig({ timeoutMs: 5000, silenceMaxMs: 100 });
  let made = 0;
  for (let round = 0; round < 4; round += 1) {
    const lost = health(rig.store, false);
    rig.server.freeze();
    const unanswered = await ask(rig.store, [group({ key: 'k' }), group({ key: 'k', hits: 0 })]);
    expect(readings(unanswered)).toEqual([['unavailable'], ['unavailable']]);
    await lost;
    const back = health(rig.store, true);
    rig.server.thaw();
    await back;
    const outcome = outcomeOf(unanswered);
    const after = await askOne(rig.store, { key: 'k' });
    made += (await outcome) === 'made' ? 2 : 1;
    expect(after).toBe(`${made - 1}>${made}`);
    // However late the lost call is carried out, it is too late.
    expect(await rig.redis.get('k')).toBe(String(made));
  }
});

test('what had not left when the connection was lost was certainly not made', async () => {
  await using rig = await startRig({ timeoutMs: 5000, silenceMaxMs: 100 });
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
  rig.server.freeze();
  const calls = rig.store.calls;
  const sent = ask(rig.store, [group({ key: 'k' })]);
  await until(
    () => rig.store.calls,
    (its) => its > calls,
  );
  const waiting = ask(rig.store, [group({ key: 'k' })]);
  expect(readings([...(await sent), ...(await waiting)])).toEqual([
    ['unavailable'],
    ['unavailable'],
  ]);
  expect((await sent)[0]?.failure?.outcome).toBeDefined();
  expect((await waiting)[0]?.failure?.outcome).toBeUndefined();
});

test('peeks of unknown outcome need no finding out, and leave no trace', async () => {
  await using rig = await startRig({ timeoutMs: 50, silenceMaxMs: 60_000 });
  rig.server.freeze();
  const late = await ask(rig.store, [group({ key: 'k', hits: 0 })]);
  expect(readings(late)).toEqual([['timeout']]);
  rig.server.thaw();
  await until(
    () => askOne(rig.store, { key: 'k', hits: 0 }),
    (its) => its === '0>0',
  );
  expect(await rig.redis.keys('*')).toEqual([]);
});

test.each([
  ['none of whose charges was made says so', ['bad'], undefined],
  ['of which a part was made is never found out', ['bad', 'good'], 'unknown'],
] as const)('a group %s', async (_name, keys, want) => {
  await using rig = await startRig();
  await rig.redis.hset('bad', 'field', '1');
  const refused = groupOf(keys.flatMap((key) => group({ key }).charges));
  expect(readings(await ask(rig.store, [refused]))).toEqual([['refused']]);
  expect(refused.failure?.outcome === undefined ? undefined : await outcomeOf([refused])).toBe(
    want,
  );
});

test.each([
  ['broke off', "ERR it can't run this script: 2db502cb, on @user_script:1.", 'unknown'],
  ['did not begin', 'ERR no such thing', undefined],
])('of a call whose script %s: what was made is %s', async (_, error, want) => {
  await using fake = await startFakeRedis(`-${error}\r\n`);
  const address = { host: '127.0.0.1', port: fake.port };
  const store = new RedisCounterStore({ address, keyFormat: 'exact', timeoutMs: 5000 });
  await store.start();
  const [its] = (await ask(store, [group({ key: 'k' })])) as [ChargeGroup];
  expect(its.failure?.code).toBe('refused');
  expect(its.failure?.outcome === undefined ? undefined : await outcomeOf([its])).toBe(want);
  await store.close();
});

test('what waits at a closed store is never found out', async () => {
  const rig = await startRig({ timeoutMs: 100, silenceMaxMs: 60_000 });
  rig.server.freeze();
  const late = await ask(rig.store, [group({ key: 'k' })]);
  const outcome = outcomeOf(late);
  await rig.store.close();
  rig.server.thaw();
  // Carried out or not: the reply came to a connection that is gone.
  expect(['made', 'unknown']).toContain(await outcome);
  await rig[Symbol.asyncDispose]();
});

test('the sequence of a client is one key that expires', async () => {
  await using rig = await startRig();
  for (let i = 0; i < 10; i += 1) await askOne(rig.store, { key: 'k' });
  const [key] = (await rig.redis.keys('weir:sequence:*')) as [string];
  expect(await rig.redis.get(key)).toBe('10 9 8 7 6 5 4 3');
  expect(await rig.redis.ttl(key)).toBeGreaterThan(590);
  expect(await counterKeys(rig.redis)).toEqual(['k']);
});

describe('outcomes of calls', () => {
  const cases: [string, number[], readonly number[], string[]][] = [
    ['the last was made', [7], [7, 6, 5, 4], ['made']],
    ['the last was not', [7], [6, 5, 4, 3], ['not-made']],
    ['nothing was ever made', [7], [0, 0, 0, 0], ['not-made']],
    ['two in a row', [7, 8], [8, 6, 5, 4], ['not-made', 'made']],
    ['too long ago to tell', [2, 9], [9, 8, 7, 6], ['unknown', 'made']],
  ];
  test.each(cases)('%s', (_, numbers, made, expected) => {
    const outcomes = new CallOutcomes();
    const heard: string[] = [];
    const groups = numbers.map((number, index) => {
      const late = new LateOutcome();
      late.onKnown((its) => {
        heard[index] = its;
      });
      outcomes.await(0, number, [late], 0);
      return late;
    });
    const told = { made, refusedBefore: 10 };
    outcomes.found(1, told, 0);
    expect(heard).toEqual([]);
    outcomes.found(0, told, 0);
    expect(heard).toEqual(expected);
    for (const late of groups) late.tell('unknown');
    expect(heard).toEqual(expected);
  });

  test('a call that may still be carried out is not called not made', () => {
    const outcomes = new CallOutcomes();
    const heard: string[] = [];
    for (const number of [7, 8]) {
      const late = new LateOutcome();
      late.onKnown((its) => heard.push(`${number} ${its}`));
      outcomes.await(0, number, [late], 0);
    }
    outcomes.found(0, { made: [6, 5, 4, 3], refusedBefore: 0 }, 0);
    expect(heard).toEqual([]);
    outcomes.found(0, { made: [6, 5, 4, 3], refusedBefore: 8 }, 0);
    expect(heard).toEqual(['7 not-made']);
    outcomes.found(0, { made: [9, 8, 6, 5], refusedBefore: 9 }, 0);
    expect(heard).toEqual(['7 not-made', '8 made']);
  });

  test('beyond eight calls the oldest is given up, and after ten minutes all are', () => {
    const outcomes = new CallOutcomes();
    const groups = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => {
      const late = new LateOutcome();
      outcomes.await(0, number, [late], 0);
      return late;
    });
    const heard: string[] = [];
    groups[0]?.onKnown((its) => heard.push(its));
    expect(heard).toEqual(['unknown']);
    groups[8]?.onKnown((its) => heard.push(its));
    outcomes.found(0, { made: [0, 0, 0, 0], refusedBefore: 10 }, 600_000);
    expect(heard).toEqual(['unknown', 'unknown']);
  });

  test('two clients have two names, and numbers go up', () => {
    const [one, two] = [new CallOutcomes(), new CallOutcomes()];
    expect(one.client).not.toBe(two.client);
    expect(one.client).toMatch(/^[0-9a-f]{32}$/);
    expect([one.nextNumber(), one.nextNumber()]).toEqual([1, 2]);
  });
});

describe("the server's clock", () => {
  test('is unknown before the first reply, and again when it is forgotten', () => {
    const clock = new RedisClock();
    expect([clock.isKnown, clock.latestAt(5)]).toEqual([false, null]);
    expect(clock.aheadOf(0, 5)).toEqual({ ms: 0, uncertaintyMs: 0 });
    clock.observe(0, 10, 1000);
    expect(clock.isKnown).toBe(true);
    clock.forget();
    expect(clock.latestAt(5)).toBeNull();
  });

  test('is never said to be earlier than it may be', () => {
    const clock = new RedisClock();
    clock.observe(100, 110, 5000);
    // It was 5000..5001 at some time in 100..110: at 200 it is 5101 at the latest.
    expect(clock.latestAt(200)).toBe(5101);
  });

  test('goes by the narrowest look for a while, and by a later one after it', () => {
    const clock = new RedisClock();
    clock.observe(100, 101, 5000);
    clock.observe(200, 260, 5130);
    expect(clock.latestAt(300)).toBe(5201);
    clock.observe(20_000, 20_060, 24_950);
    expect(clock.latestAt(20_100)).toBe(24_951 + 100);
  });

  test.each([
    ['ahead', 9000],
    ['back', 1000],
  ])('that was set %s is noticed at once', (_, redisMs) => {
    const clock = new RedisClock();
    clock.observe(100, 101, 5000);
    clock.observe(200, 260, redisMs);
    expect(clock.latestAt(300)).toBe(redisMs + 1 + 100);
  });

  test('tells how far it is ahead of another', () => {
    const clock = new RedisClock();
    clock.observe(100, 101, 5000);
    expect(clock.aheadOf(5000, 100).ms).toBeCloseTo(0, 0);
    expect(clock.aheadOf(5000 - 3_600_000, 100).ms).toBeCloseTo(3_600_000, -1);
  });
});
