/** What callers and their listeners throw costs themselves, never the entries beside them. */
import { expect, test } from 'vitest';
import type { CommandWriter } from '../../../src/counters/redis/command-writer.ts';
import { RedisConnection } from '../../../src/counters/redis/redis-connection.ts';
import { completeOptions, type RedisEvent } from '../../../src/counters/redis/redis-options.ts';
import type { ChargeGroup } from '../../../src/limiter/counter-store.ts';
import { ask, charge, group, readings } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { startRig } from './rig.ts';

const throwing = {
  settled: () => {
    throw new Error('a listener broke');
  },
};

/** A group whose charge cannot be read when its call is made. */
function unreadable(): ChargeGroup {
  const its = charge({ key: 'k' });
  Object.defineProperty(its, 'unit', {
    get: () => {
      throw new RangeError('a charge broke');
    },
  });
  return { ...group(), charges: [its] };
}

test('a listener that throws leaves the entries after it settled, and is logged', async () => {
  await using rig = await startRig();
  const before = ask(rig.store, [group({ key: 'k' })]);
  rig.store.charge([group({ key: 'k' })], throwing);
  const after = ask(rig.store, [group({ key: 'k' })]);
  expect(readings([...(await before), ...(await after)])).toEqual([['0>1'], ['2>3']]);
  expect(rig.events.at(-1)?.text).toMatch(/^defect: Error: a listener broke/);
});

test('a listener that throws at a failure costs neither the caller nor the timer', async () => {
  await using rig = await startRig({ timeoutMs: 50, silenceMaxMs: 60_000, groupsQueuedMax: 2 });
  rig.server.freeze();
  rig.store.charge([group({ key: 'k' })], throwing);
  const late = ask(rig.store, [group({ key: 'k' })]);
  rig.store.charge([group({ key: 'k' })], throwing);
  expect(rig.store.overloads).toBe(1);
  expect(readings(await late)).toEqual([['timeout']]);
  rig.server.thaw();
  const defects = () => rig.events.filter(({ text }) => text.startsWith('defect: ')).length;
  expect(defects()).toBe(2);
});

test('a group that cannot be written fails with those after it, and is logged', async () => {
  await using rig = await startRig();
  const before = ask(rig.store, [group({ key: 'k' })]);
  const frozen = { ...group(), charges: [Object.freeze(charge({ key: 'k' }))] };
  const broken = ask(rig.store, [frozen]);
  const after = ask(rig.store, [group({ key: 'k' })]);
  expect(readings([...(await before), ...(await broken), ...(await after)])).toEqual([
    ['0>1'],
    ['refused'],
    ['refused'],
  ]);
  expect(rig.events.some(({ text }) => text.startsWith('defect: TypeError'))).toBe(true);
});

test('calls that cannot be made fail one after the other, however many wait', async () => {
  await using rig = await startRig({ chargesPerCallMax: 1, silenceMaxMs: 60_000 });
  const asked = Array.from({ length: 10_000 }, () => ask(rig.store, [unreadable()]));
  const good = ask(rig.store, [group({ key: 'k' })]);
  const failures = (await Promise.all(asked)).map(([its]) => its?.failure?.text);
  expect(new Set(failures)).toEqual(new Set(['redis: not sent: a charge broke']));
  expect(readings(await good)).toEqual([['0>1']]);
});

test('whoever makes calls and throws at the reply is logged', async () => {
  await using rig = await startRig();
  const { promise, resolve } = Promise.withResolvers<string>();
  const address = { host: '127.0.0.1', port: rig.server.port };
  const onEvent = ({ kind, text }: RedisEvent) => kind === 'error' && resolve(text);
  const options = completeOptions({ address, keyFormat: 'exact', onEvent });
  const connection = new RedisConnection(options, () => {});
  await connection.start();
  const replied = () => {
    throw new Error('a caller broke');
  };
  const encode = (to: CommandWriter): void => {
    for (const argument of ['0', '', '', '', '0', '0']) to.text(argument);
  };
  connection.call({ encode }, { replied, failed: () => {} });
  expect(await promise).toMatch(/^defect: Error: a caller broke/);
  await connection.close();
});

test('a log that throws costs nothing', async () => {
  let logged = 0;
  await using rig = await startRig({
    onEvent: () => {
      logged += 1;
      throw new Error('the log broke');
    },
  });
  rig.store.charge([group({ key: 'k' })], throwing);
  await until(
    () => logged,
    (its) => its === 2,
  );
  expect(readings(await ask(rig.store, [group({ key: 'k' })]))).toEqual([['1>2']]);
});
