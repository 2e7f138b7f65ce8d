/**
 * The Redis store at saturation: charges per second, CPU of this process and of Redis per charge, with
 * 256 single-charge groups always asked. Run: node test/bench/redis-store.ts [seconds per row]
 */
import { performance } from 'node:perf_hooks';
import { Unit } from '../../src/core/rules/unit.ts';
import { ownGroup } from '../../src/counters/groups.ts';
import { RedisCounterStore } from '../../src/counters/redis/redis-counter-store.ts';
import type { ChargeGroup } from '../../src/limiter/counter-store.ts';
import { startRedis } from '../support/redis-server.ts';
import { cpuMsOf } from './process-usage.ts';

const CONCURRENCY = 256;

function groupOf(id: number): ChargeGroup[] {
  const user = `u${String(id).padStart(9, '0')}`;
  const scope = 'h8:checkout,4:user=';
  const rest = `${user.length}:${user},3:a=1:b`;
  const charge = {
    key: scope + rest,
    scope,
    rest,
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

async function saturate(keys: number, seconds: number) {
  const store = new RedisCounterStore({ timeoutMs: 1000, ...base });
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
  const redisCpuMs = cpuMsOf(server.pid);
  const start = performance.now();
  ask();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  isOver = true;
  const { user, system } = process.cpuUsage(cpu);
  const took = (performance.now() - start) / 1000;
  const rate = Math.round(store.charges / took);
  const perCall = (store.charges / store.calls).toFixed(0);
  const each = ((user + system) / store.charges).toFixed(2);
  const redisEach = (((cpuMsOf(server.pid) - redisCpuMs) * 1000) / store.charges).toFixed(2);
  console.log(
    `${keys} keys: ${rate}/s, ${each} µs CPU each and ${redisEach} of Redis, ` +
      `${perCall} per call, ${failed} failed`,
  );
  await store.close();
}

const seconds = Number(process.argv[2] ?? 3);
const server = await startRedis();
const base = { address: { host: '127.0.0.1', port: server.port }, keyFormat: 'exact' } as const;
for (const keys of [1, 1000, 100_000]) await saturate(keys, seconds);
await server.stop();
