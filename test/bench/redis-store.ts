/**
 * The Redis store at saturation: charges per second and CPU of this process per charge, with 256
 * single-charge groups always asked. Run: node test/bench/redis-store.ts [seconds per row]
 */
import { performance } from 'node:perf_hooks';
import { Unit } from '../../src/core/rules/unit.ts';
import { ownGroup } from '../../src/counters/groups.ts';
import { RedisCounterStore } from '../../src/counters/redis/redis-counter-store.ts';
import type { RedisStoreOptions } from '../../src/counters/redis/redis-options.ts';
import type { ChargeGroup } from '../../src/limiter/counter-store.ts';
import { startRedis } from '../support/redis-server.ts';

const CONCURRENCY = 256;

function groupOf(id: number): ChargeGroup[] {
  const user = `u${String(id).padStart(9, '0')}`;
  const charge = {
    key: `h8:checkout,4:user=${user.length}:${user},3:a=1:b`,
    unit: Unit.HOUR,
    limit: 1000,
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
  return [ownGroup([charge])];
}

async function saturate(name: string, keys: number, seconds: number, options: RedisStoreOptions) {
  const store = new RedisCounterStore({ timeoutMs: 1000, ...options });
  await store.start();
  let asked = 0;
  let failed = 0;
  let isOver = false;
  let again = CONCURRENCY;
  const ask = () => {
    const count = again;
    again = 0;
    for (let i = 0; i < count; i += 1) store.charge(groupOf((asked++ * 7919) % keys), listener);
  };
  const listener = {
    settled: (groups: readonly ChargeGroup[]) => {
      if (groups[0]?.failure) failed += 1;
      // As a client would: the next request comes with a later turn of the loop.
      if (again === 0 && !isOver) setImmediate(ask);
      again += 1;
    },
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  ask();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  isOver = true;
  const { user, system } = process.cpuUsage(cpu);
  const took = (performance.now() - start) / 1000;
  const rate = Math.round(store.charges / took);
  const perCall = (store.charges / store.calls).toFixed(0);
  const perCharge = ((user + system) / store.charges).toFixed(2);
  console.log(
    `${name}: ${rate}/s, ${perCharge} µs CPU each, ${perCall} per call, ${failed} failed`,
  );
  await store.close();
}

const seconds = Number(process.argv[2] ?? 3);
const server = await startRedis();
const base = { address: { host: '127.0.0.1', port: server.port }, keyFormat: 'exact' } as const;
for (const keys of [1, 1000, 100_000]) {
  await saturate(`${keys} keys`, keys, seconds, base);
}
await server.stop();
