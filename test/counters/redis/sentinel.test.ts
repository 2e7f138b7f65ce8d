/**
 * A store behind real Sentinels: it follows the primary by every kind of failover, and says clearly
 * what is wrong with a list of Sentinels.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type {
  RedisEvent,
  RedisStoreOptions,
  SentinelAddress,
} from '../../../src/counters/redis/redis-options.ts';
import { askOne } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { freePort } from '../../support/free-ports.ts';
import type { RedisNode } from '../../support/redis-node.ts';
import { startRedis } from '../../support/redis-server.ts';
import {
  SENTINEL_PRIMARY,
  type SentinelRig,
  startSentinelRig,
} from '../../support/sentinel-rig.ts';

/** What a busy machine may take for a failover of a second. */
const FAILOVER_MS_MAX = 15_000;

interface Watched extends AsyncDisposable {
  readonly store: RedisCounterStore;
  readonly events: RedisEvent[];
  readonly started: Promise<void>;
}

function watch(address: SentinelAddress, options: Partial<RedisStoreOptions> = {}): Watched {
  const events: RedisEvent[] = [];
  const store = new RedisCounterStore({
    address,
    keyFormat: 'exact',
    timeoutMs: 500,
    silenceMaxMs: 500,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    store,
    events,
    started: store.start(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

function addressOf(rig: SentinelRig): SentinelAddress {
  const sentinels = rig.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { primary: SENTINEL_PRIMARY, sentinels };
}

/** Resolves when it was ready at `node`, and charges are answered by whoever is primary now. */
async function untilServedBy({ store, events }: Watched, node: RedisNode): Promise<void> {
  await until(
    () => readyAt(events),
    (addresses) => addresses.includes(node.address),
    FAILOVER_MS_MAX,
  );
  await until(
    () => askOne(store, { key: 'after' }),
    (reading) => reading.includes('>'),
    FAILOVER_MS_MAX,
  );
}

const readyAt = (events: readonly RedisEvent[]) =>
  events.filter(({ kind }) => kind === 'ready').map(({ address }) => address);

describe.concurrent('the primary changes', () => {
  test.each([
    ['killed', (rig: SentinelRig) => rig.killPrimary()],
    ['frozen', (rig: SentinelRig) => rig.freezePrimary()],
  ])('%s: the store goes to the new one', { timeout: 60_000 }, async (_fault, fault) => {
    await using rig = await startSentinelRig();
    await using watched = watch(addressOf(rig));
    await watched.started;
    expect(await askOne(watched.store, { key: 'k' })).toBe('0>1');
    const old = rig.primary();
    const promoted = rig.promotedAt();
    await fault(rig);
    // Nothing is asked meanwhile: a frozen one is found out by what the sentinels do.
    const { node } = await promoted;
    await untilServedBy(watched, node);
    // Once thawed the old one would answer as a primary again, for a moment.
    old.thaw();
    await until(
      () => Promise.all(rig.sentinels.map((s) => s.text('SENTINEL', 'MASTER', SENTINEL_PRIMARY))),
      (texts) => texts.every((text) => !text.includes(`,${old.port},`)),
      FAILOVER_MS_MAX,
    );
    expect(readyAt(watched.events).lastIndexOf(old.address)).toBe(0);
    expect(readyAt(watched.events)[1]).toBe(node.address);
  });

  test('planned: the old one is left though it would still count', {
    timeout: 60_000,
  }, async () => {
    await using rig = await startSentinelRig();
    await using watched = watch(addressOf(rig));
    await watched.started;
    const old = rig.primary();
    const promoted = rig.promotedAt();
    await rig.failover();
    const { node } = await promoted;
    await untilServedBy(watched, node);
    expect(Number(await node.text('GET', 'after'))).toBeGreaterThan(0);
    const moved = watched.events.find(({ kind }) => kind === 'moved');
    expect(moved).toMatchObject({
      address: old.address,
      text: `the primary is ${node.address} now`,
    });
  });
});

describe.concurrent('a list of sentinels', () => {
  let rig: SentinelRig;
  beforeAll(async () => {
    rig = await startSentinelRig();
    return () => rig[Symbol.asyncDispose]();
  }, 60_000);

  test('may hold one that is dead, one without an address, and one twice', async () => {
    const [first] = addressOf(rig).sentinels;
    const dead = { host: '127.0.0.1', port: await freePort() };
    const nowhere = { host: 'sentinel..invalid', port: 26_379 };
    const sentinels = [dead, nowhere, first, first].filter((one) => one !== undefined);
    await using watched = watch({ primary: SENTINEL_PRIMARY, sentinels });
    await watched.started;
    expect(await askOne(watched.store, { key: 'mixed' })).toBe('0>1');
    await until(
      () => watched.events.map(({ row, address, command }) => [row?.name, address, command]),
      (its) => its.some(([name]) => name === 'name_not_found'),
    );
    const refused = watched.events.find(({ row }) => row?.name === 'refused');
    expect(refused).toMatchObject({ address: `127.0.0.1:${dead.port}`, command: 'sentinel' });
  });

  test('that does not know the name is told of at the start, and goes on trying', async () => {
    const { sentinels } = addressOf(rig);
    await using watched = watch({ primary: 'other', sentinels }, { startMaxMs: 700 });
    await expect(watched.started).rejects.toThrow(
      /^redis primary other was not ready in 700 ms: sentinel .*: ERR No such master with that name/,
    );
    const { sentinels: all } = rig;
    const { host, port } = { host: '127.0.0.1', port: rig.primary().port };
    for (const sentinel of all) {
      // oxlint-disable-next-line no-await-in-loop
      await sentinel.call('SENTINEL', 'MONITOR', 'other', host, port, 2);
    }
    await until(
      () => watched.store.isHealthy,
      (its) => its,
      FAILOVER_MS_MAX,
    );
    for (const sentinel of all) {
      // oxlint-disable-next-line no-await-in-loop
      await sentinel.call('SENTINEL', 'REMOVE', 'other');
    }
    // It stays with the primary that it has.
    expect(await askOne(watched.store, { key: 'late' })).toContain('>');
  });

  test('is asked with the rights that the page tells of, by a user of its own', async () => {
    const page = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8');
    const [line = ''] = /^ACL SETUSER .*\+sentinel.*$/m.exec(page) ?? [];
    const words = line.split(' ').slice(1);
    await Promise.all(rig.sentinels.map((sentinel) => sentinel.call('ACL', ...words)));
    const address = { ...addressOf(rig), username: words[1] ?? '', password: 'password' };
    await using watched = watch(address);
    await watched.started;
    expect(await askOne(watched.store, { key: 'rights' })).toBe('0>1');
    expect(watched.events.filter(({ kind }) => kind === 'error')).toEqual([]);
  });

  test('that begins anew with another primary is followed after a while', async () => {
    await using other = await startRedis();
    const watchedName = { ...addressOf(rig), primary: 'moving' };
    const monitor = (port: number) =>
      Promise.all(
        rig.sentinels.map((one) => one.call('SENTINEL', 'MONITOR', 'moving', '127.0.0.1', port, 2)),
      );
    const remove = () =>
      Promise.all(rig.sentinels.map((one) => one.call('SENTINEL', 'REMOVE', 'moving')));
    await monitor(rig.primary().port);
    await using watched = watch(watchedName);
    await watched.started;
    await remove();
    await monitor(other.port);
    await until(
      () => readyAt(watched.events).at(-1),
      (address) => address === `127.0.0.1:${other.port}`,
      FAILOVER_MS_MAX,
    );
    await remove();
  });

  test('with a wrong password is told of by the sentinel’s address', async () => {
    const address = { ...addressOf(rig), username: 'weir', password: 'wrong' };
    await using watched = watch(address, { startMaxMs: 500 });
    await expect(watched.started).rejects.toThrow(/sentinel 127.0.0.1:\d+: WRONGPASS /);
    const wrong = watched.events.find(({ row }) => row?.name === 'wrongpass');
    expect(wrong?.command).toBe('sentinel');
    expect(JSON.stringify(watched.events)).not.toContain('"wrong"');
  });

  test('has a bound', () => {
    const sentinels = Array.from({ length: 33 }, (_, i) => ({ host: 's', port: i + 1 }));
    expect(() => watch({ primary: 'rl', sentinels })).toThrow('there may be 32 sentinels, not 33');
  });

  test('that is all dead is told of while the search lasts', async () => {
    const sentinels = [{ host: '127.0.0.1', port: await freePort() }];
    await using watched = watch({ primary: 'rl', sentinels }, { startMaxMs: 100 });
    await expect(watched.started).rejects.toThrow(/ms: sentinel .*ECONNREFUSED/);
    const told = await until(
      () => watched.events.find(({ row }) => row?.name === 'no_primary'),
      (its) => its !== undefined,
    );
    expect(told?.text).toMatch(/^sentinel 127.0.0.1:\d+: connect ECONNREFUSED/);
  });
});
