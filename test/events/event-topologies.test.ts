/** Recording and reading behind Sentinels, in a cluster, by TLS, and with no more rights than docs/events.md says. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SlotOwnerSource } from '../../src/counters/redis/cluster/slot-owner-source.ts';
import { slotOf } from '../../src/counters/redis/cluster/slots.ts';
import type { RedisTls } from '../../src/counters/redis/redis-tls.ts';
import { GroupReader } from '../../src/events/group-reader.ts';
import { FROM_NOW, StreamReader } from '../../src/events/stream-reader.ts';
import { until } from '../support/child.ts';
import { startClusterRig } from '../support/cluster-rig.ts';
import { freePort } from '../support/free-ports.ts';
import { redisProgram } from '../support/parts.ts';
import { startRedis } from '../support/redis-server.ts';
import { SENTINEL_PRIMARY, startSentinelRig } from '../support/sentinel-rig.ts';
import {
  commandsOn,
  type Place,
  Replica,
  readAll,
  Shown,
  SOON_MS,
  STREAM,
  startRig,
  streamsOf,
} from './rig.ts';

const versions = ({ events }: Shown): unknown[] => events.map(({ details }) => details['version']);

test('behind Sentinels events go to the primary, and to the next one after it', async () => {
  await using rig = await startSentinelRig();
  const sentinels = rig.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  const place: Place = { address: { primary: SENTINEL_PRIMARY, sentinels } };
  const its = new Replica(place);
  its.audit(1);
  await its.written(1);
  expect(versions(await readAll(place))).toEqual([1]);
  await rig.failover();
  const { node } = await rig.promotedAt();
  // Until it is told, the old one takes what it then loses, as any counter.
  await until(
    () => {
      its.audit(2);
      return node.call('XLEN', STREAM);
    },
    (length) => Number(length) >= 2,
  );
  expect(versions(await readAll(place)).at(-1)).toBe(2);
});

test('in a cluster all keys are in one slot, and its owner is followed', async () => {
  await using rig = await startClusterRig();
  const slot = slotOf(`{${STREAM}}`);
  expect(slotOf(`{${STREAM}}:abuse`)).toBe(slot);
  const seeds = rig.nodes().map(({ port }) => ({ host: '127.0.0.1', port }));
  const place: Place = { address: { seeds, slot } };
  const its = new Replica(place, { isCluster: true });
  its.audit(1, 3);
  its.abuse('k');
  await its.written(2);
  expect((await readAll(place, '0-0', true)).lines).toEqual(['weir-0 audit 1', 'weir-0 abuse 1']);

  const from = await rig.ownerOf(slot);
  const to = (await rig.primaries()).find((node) => node !== from) ?? from;
  await rig.reshard([slot], { from, to });
  its.audit(2, 3);
  await its.written(3);
  expect(versions(await readAll(place, '0-0', true))).toEqual([1, undefined, 2]);

  // The replica takes over when the owner is gone.
  await rig.killPrimary(to);
  const { node } = await rig.promotedAt(to);
  its.audit(3, 3);
  await its.written(4);
  expect(Number(await node.call('XLEN', `{${STREAM}}`))).toBeGreaterThan(0);
  const { events } = await readAll(place, '0-0', true);
  expect(events.at(-1)?.details).toEqual({ version: 3 });
});

describe('who owns a slot', () => {
  test('is not found where nobody answers, and it is said why', async () => {
    const port = await freePort();
    const failed: string[] = [];
    const source = new SlotOwnerSource({
      address: { seeds: [{ host: '127.0.0.1', port }], slot: 1 },
      server: { tls: null },
      monotonic: () => performance.now(),
    });
    source.start({ moved: () => {}, failed: (error) => failed.push(error.message) });
    const found = source.find();
    await until(
      () => failed.length,
      (count) => count > 0,
      SOON_MS,
    );
    expect(source.describe()).toMatch(/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    source.close();
    expect(await found).toBeNull();
    expect(await source.find()).toBeNull();
  });

  test('is said to be looked for where a server is no cluster', async () => {
    const { server } = await startRig();
    const address = { seeds: [{ host: '127.0.0.1', port: server.port }], slot: 1 };
    await expect(readAll({ address })).rejects.toThrow(
      /cluster support disabled.*REDIS_TYPE=SINGLE/,
    );
  });
});

const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
const redisPage = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
const rightsIn = (text: string, marker: RegExp): string[] => {
  const line = text.split('\n').find((each) => each.startsWith('ACL') && marker.test(each)) ?? '';
  return line.split(' ').slice(3);
};

describe('the rights of the page', () => {
  const STREAM_OF_PAGE = 'weir:events';

  async function granted(user: string, rights: readonly string[]) {
    const rig = await startRig();
    await rig.redis.acl('SETUSER', user, 'reset', ...rights);
    return { ...rig, place: { ...rig.place, username: user, password: 'password' } };
  }

  test('are enough to write', async () => {
    const rights = [...rightsIn(redisPage, /evalsha/), ...rightsIn(page, /xadd/)];
    // What the page on Redis grants covers all keys of its prefix.
    const { place, redis } = await granted('weir', rights);
    const its = new Replica(place, { stream: STREAM_OF_PAGE });
    its.audit(1, 2);
    await its.written(1);
    await redis.script('FLUSH');
    its.audit(2, 2);
    await its.written(2);
    expect(await redis.xlen(STREAM_OF_PAGE)).toBe(2);
    expect(await redis.acl('LOG')).toEqual([]);
  });

  test('without xadd nothing is written, and it is said', async () => {
    const { place } = await granted('weir', rightsIn(redisPage, /evalsha/));
    const its = new Replica(place, { stream: STREAM_OF_PAGE });
    its.audit(1);
    await until(
      () => its.errorClasses,
      (classes) => classes.includes('noperm'),
      SOON_MS,
    );
    expect(its.queued).toBe(1);
  });

  test('are enough to read, with a group and without', async () => {
    const { place, redis, replica } = await granted('reader', rightsIn(page, /xread/));
    const its = replica({ stream: STREAM_OF_PAGE });
    its.audit(1);
    await its.written(1);
    const streams = streamsOf(false, STREAM_OF_PAGE);
    const reader = new StreamReader(commandsOn(place), streams, '0-0');
    expect(versions(await new Shown().run(reader))).toEqual([1]);
    await new Shown().run(new StreamReader(commandsOn(place), streams, FROM_NOW));
    const options = { group: 'g', consumer: 'c', from: '0-0', claimAfterMs: 60_000 };
    const shared = new GroupReader(commandsOn(place), streams, options);
    expect(versions(await new Shown().run(shared, { isShared: true }))).toEqual([1]);
    expect(await redis.acl('LOG')).toEqual([]);
  });

  test.each(rightsIn(page, /xread/).filter((right) => right.startsWith('+x')))(
    'none is too many: %s',
    async (right) => {
      const all = rightsIn(page, /xread/);
      const { place, redis } = await granted('reader', [...all, right.replace('+', '-')]);
      const streams = streamsOf(false, STREAM_OF_PAGE);
      const options = { group: 'g', consumer: 'c', from: '0-0', claimAfterMs: 60_000 };
      await redis.xadd(STREAM_OF_PAGE, '*', 'a', 'b');
      const readers = [
        new StreamReader(commandsOn(place), streams, '0-0'),
        new StreamReader(commandsOn(place), streams, FROM_NOW),
        new GroupReader(commandsOn(place), streams, options),
      ];
      const runs = readers.map((reader) => new Shown().run(reader));
      const failed = (await Promise.allSettled(runs)).filter(({ status }) => status === 'rejected');
      expect(String((failed[0] as PromiseRejectedResult).reason)).toContain('NOPERM');
    },
  );
});

const pem = (name: string): string =>
  fileURLToPath(new URL(`../wire/tls/${name}.pem`, import.meta.url));

/** A build without TLS stumbles over the first of these options, others over the second. */
function hasTls(): boolean {
  const { stdout, stderr } = spawnSync(redisProgram(), ['--tls-port', '0', '--port', 'x']);
  return !`${stdout}${stderr}`.includes("'tls-port");
}

test('by TLS', { skip: !hasTls() && process.env['CI'] !== 'true' }, async () => {
  const port = await freePort();
  const settings = {
    'tls-port': port,
    'tls-ca-cert-file': pem('ca'),
    'tls-cert-file': pem('server'),
    'tls-key-file': pem('server.key'),
    'tls-auth-clients': 'no',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = await startRedis({ args });
  onTestFinished(() => server.stop().then(() => undefined));
  const files = { certPath: null, keyPath: null, skipsHostnameVerification: false };
  const tls: RedisTls = { ...files, caPath: pem('ca') };
  const place: Place = { address: { host: '127.0.0.1', port }, tls };
  const its = new Replica(place);
  its.audit(1);
  await its.written(1);
  expect(versions(await readAll(place))).toEqual([1]);
  await expect(readAll({ ...place, tls: { ...tls, caPath: '/none' } })).rejects.toThrow(
    /REDIS_TLS_CACERT=\/none: cannot be read.*TLS failed/,
  );
});
