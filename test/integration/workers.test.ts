/** WORKERS=n: several processes behind one port, as one service. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../support/child.ts';
import { Gate } from '../support/gate.ts';
import { H2Caller } from '../support/h2-caller.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import {
  freeServicePorts,
  isListening,
  type Service,
  type ServiceOptions,
  spawnService,
  startService,
} from '../support/service.ts';

const limits = (perHour: number): string => `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: hour, requests_per_unit: ${perHour} } }
`;
const FILES = { 'shop.yaml': limits(1_000_000) };
const REQUEST = { domain: 'shop', descriptors: [{ entries: [{ key: 'user', value: 'ann' }] }] };
const LIMIT = 'statuses.0.currentLimit.requestsPerUnit';
const STOPPED = { code: 0, signal: null };
const HITS = 'ratelimit_service_rate_limit_total_hits{domain="shop",key1="user"}';

async function startWorkers(
  workers: number,
  options: ServiceOptions = {},
): Promise<{ service: Service; redis: RedisServer }> {
  const redis = await startRedis();
  onTestFinished(() => redis[Symbol.asyncDispose]());
  const env = { WORKERS: String(workers), LOG_LEVEL: 'info', ...options.env };
  const service = await startService({
    files: FILES,
    redisPort: redis.port,
    ...options,
    env,
  });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return { service, redis };
}

async function callers(service: Service, count: number): Promise<H2Caller[]> {
  const opened: H2Caller[] = [];
  for (let each = 0; each < count; each += 1) {
    const caller = await H2Caller.open(service.ports.grpc);
    onTestFinished(() => caller[Symbol.dispose]());
    opened.push(caller);
  }
  return opened;
}

/** Process ids of the workers that have served, the newest last. */
function workerPids({ child }: Service): number[] {
  return [...child.output.matchAll(/msg="a worker serves" worker=\d+ pid=(\d+)/g)].map(([, pid]) =>
    Number(pid),
  );
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function isHealthy(service: Service): Promise<boolean> {
  return (await service.get('http', '/healthcheck')) === 'OK';
}

async function healthyAgain(service: Service): Promise<void> {
  await until(
    () => isHealthy(service),
    (is) => is,
    20_000,
  );
}

describe('several workers', () => {
  test('share the connections of one port evenly, and their pages are one', async () => {
    const { service } = await startWorkers(3);
    const clients = await callers(service, 6);
    for (const [index, client] of clients.entries()) {
      for (let call = 0; call <= index; call += 1) await client.ask(REQUEST);
    }
    expect(await service.metric(HITS)).toBe(21);
    expect(
      await service.metric(
        'ratelimit_service_response_time_seconds_count{grpc_method="ShouldRateLimit"}',
      ),
    ).toBe(21);
    expect(await service.metric('weir_grpc_connections')).toBe(6);
    expect(await service.metric('weir_workers{state="serving"}')).toBe(3);
    expect(await service.get('debug', '/stats')).toContain('shop.user.total_hits: 21');
    expect(await service.get('debug', '/rlconfig')).toMatch(/^shop\.user: [^\n]+\n$/);
    const json = `http://127.0.0.1:${service.ports.http}/json`;
    const answer = await fetch(json, { method: 'POST', body: JSON.stringify(REQUEST) });
    expect(await answer.json()).toMatchObject({ overallCode: 'OK' });
    const profile = await service.get('debug', '/debug/pprof/profile?seconds=1');
    expect(JSON.parse(profile)).toHaveProperty('nodes');

    process.kill(workerPids(service)[0] as number, 'SIGKILL');
    await until(
      () => clients.filter(({ isOpen }) => isOpen).length,
      (open) => open === 4,
    );
    await healthyAgain(service);
    // The others were not disturbed.
    expect(clients.filter(({ isOpen }) => isOpen)).toHaveLength(4);
    for (const client of clients) if (client.isOpen) await client.ask(REQUEST);
    expect(await service.stop()).toEqual(STOPPED);
  });

  test('take over changed rules together, by one version', async () => {
    const { service } = await startWorkers(2);
    const clients = await callers(service, 4);
    service.write('shop.yaml', limits(77));
    await until(
      () => service.metric('weir_rule_set_version'),
      (version) => version === 2,
    );
    for (const client of clients) {
      expect(await client.ask(REQUEST)).toHaveProperty(LIMIT, 77);
    }
    expect(await service.metric('ratelimit_service_config_load_success')).toBe(2);
  });

  test('one that is killed is replaced and counted, and no count goes back', async () => {
    const { service } = await startWorkers(2);
    const clients = await callers(service, 4);
    for (const client of clients) {
      for (let call = 0; call < 25; call += 1) await client.ask(REQUEST);
    }
    const calls = 'weir_grpc_calls_total{outcome="started"}';
    expect(await service.metric(HITS)).toBe(100);
    expect(await service.metric(calls)).toBe(100);
    process.kill(workerPids(service)[1] as number, 'SIGKILL');
    await until(
      () => service.metric('weir_worker_restarts_total{cause="crashed"}'),
      (restarts) => restarts === 1,
    );
    expect(await service.metric(HITS)).toBe(100);
    expect(await service.metric(calls)).toBe(100);
    await healthyAgain(service);
    for (const client of await callers(service, 4)) await client.ask(REQUEST);
    expect(await service.metric(HITS)).toBe(104);
    expect(await service.metric(calls)).toBe(104);
    expect(workerPids(service)).toHaveLength(3);
  });

  test('a replacement answers by the last good rules, also while their file is broken', async () => {
    const { service } = await startWorkers(2);
    service.write('shop.yaml', 'domain: shop\ndescriptors: 5\n');
    await until(
      () => service.metric('ratelimit_service_config_load_error'),
      (errors) => errors === 1,
    );
    process.kill(workerPids(service)[0] as number, 'SIGKILL');
    await until(
      () => workerPids(service).length,
      (count) => count === 3,
      20_000,
    );
    await healthyAgain(service);
    for (const client of await callers(service, 4)) {
      expect(await client.ask(REQUEST)).toHaveProperty(LIMIT, 1_000_000);
    }
  });

  test('one that hangs is replaced; until then health says so', async () => {
    const { service } = await startWorkers(2);
    const [first] = workerPids(service) as [number];
    process.kill(first, 'SIGSTOP');
    const health = await until(
      () => service.get('http', '/healthcheck'),
      (text) => text !== 'OK',
      20_000,
    );
    expect(health).toMatch(/^(worker \d is \w+|1 of 2 workers will be replaced)\n$/);
    await healthyAgain(service);
    expect(isAlive(first)).toBe(false);
    expect(await service.metric('weir_worker_restarts_total{cause="hung"}')).toBe(1);
  });
});

describe('a stop', () => {
  test('under load loses no call: what was counted was answered', async () => {
    const { service, redis } = await startWorkers(2);
    const clients = await callers(service, 6);
    let answered = 0;
    const load = clients.map(async (client) => {
      while (!client.isLeaving) {
        const batch = Array.from({ length: 10 }, () => client.tryAsk(REQUEST));
        for (const answer of await Promise.all(batch)) answered += answer === null ? 0 : 1;
      }
    });
    await until(
      () => answered,
      (count) => count > 1000,
    );
    expect(await service.stop()).toEqual(STOPPED);
    await Promise.all(load);
    const admin = new Redis(redis.port);
    onTestFinished(() => admin.disconnect());
    const [key] = await admin.keys('*user*');
    expect(Number(await admin.get(key as string))).toBe(answered);
    expect(workerPids(service).some(isAlive)).toBe(false);
  });

  test('in its drain delay still serves connections that come, as callers have yet to notice', async () => {
    const { service } = await startWorkers(2, { env: { DRAIN_DELAY: '3s' } });
    const stopped = service.stop();
    await until(
      () => service.get('http', '/healthcheck'),
      (text) => text === 'draining\n',
    );
    const [late] = (await callers(service, 1)) as [H2Caller];
    expect(await late.ask(REQUEST)).toHaveProperty('overallCode', 'OK');
    expect(await stopped).toEqual(STOPPED);
  });

  test('lets a call under way end, even when the supervisor is killed, and leaves no orphans', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const gate = await Gate.open(redis.port);
    onTestFinished(() => gate[Symbol.asyncDispose]());
    const { service } = await startWorkers(2, { redisPort: gate.port });
    const clients = await callers(service, 2);
    for (const client of clients) await client.ask(REQUEST);
    const charged = gate.hold();
    const answers = clients.map((client) => client.ask(REQUEST));
    await charged;
    service.child.signal('SIGKILL');
    await service.child.exited;
    expect(await isListening(service.ports.grpc)).toBe(false);
    gate.release();
    for (const answer of answers) expect(await answer).toHaveProperty('overallCode', 'OK');
    await until(
      () => workerPids(service).filter(isAlive),
      (alive) => alive.length === 0,
      15_000,
    );
  });
});

describe('a start', () => {
  test('whose workers crash again and again ends with 1 and says so', async () => {
    const home = mkdtempSync(join(tmpdir(), 'weir-crash-'));
    onTestFinished(() => rmSync(home, { recursive: true }));
    const script = join(home, 'crash.mjs');
    writeFileSync(script, "if (process.argv[2] === 'worker') process.exit(7);");
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const env = { WORKERS: '2', NODE_OPTIONS: `--import=${script}` };
    await using service = await spawnService({ files: FILES, redisPort: redis.port, env });
    expect(await service.child.exited).toEqual({ code: 1, signal: null });
    expect(service.child.output).toMatch(/weir cannot go on.*workers ended within 60 s/);
    expect(service.child.output).toMatch(/a worker ended.*code=7/);
  });

  test('on a taken gRPC port ends with 1 and a message that names it', async () => {
    const ports = await freeServicePorts();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(ports.grpc, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const env = { WORKERS: '2' };
    await using service = await spawnService({ files: FILES, redisPort: redis.port, env, ports });
    expect(await service.child.exited).toEqual({ code: 1, signal: null });
    expect(service.child.output).toMatch(new RegExp(`${ports.grpc} is already in use`));
    expect(service.child.output).not.toMatch(/^\s+at /m);
  });

  test('with a file that the workers need and cannot read ends with 1 and names it', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const env = {
      WORKERS: '2',
      GRPC_SERVER_USE_TLS: 'true',
      GRPC_SERVER_TLS_CERT: '/nowhere/cert.pem',
      GRPC_SERVER_TLS_KEY: '/nowhere/key.pem',
    };
    await using service = await spawnService({ files: FILES, redisPort: redis.port, env });
    expect(await service.child.exited).toEqual({ code: 1, signal: null });
    expect(service.child.output).toContain('GRPC_SERVER_TLS_CERT=/nowhere/cert.pem');
  });

  test('on a port that the system chooses has one for all', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const env = { WORKERS: '2', GRPC_PORT: '0', LOG_LEVEL: 'info' };
    await using service = await spawnService({ files: FILES, redisPort: redis.port, env });
    await service.child.ready(() => isHealthy(service));
    const [, port] = /msg="weir serves" grpcPort=([1-9]\d*)/.exec(service.child.output) ?? [];
    for (let each = 0; each < 4; each += 1) {
      using caller = await H2Caller.open(Number(port));
      expect(await caller.ask(REQUEST)).toHaveProperty('overallCode', 'OK');
    }
  });

  test('on a unix socket has one for all, and removes what a killed one left', async () => {
    const home = mkdtempSync(join(tmpdir(), 'weir-uds-'));
    onTestFinished(() => rmSync(home, { recursive: true }));
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const path = join(home, 'grpc.sock');
    const env = { WORKERS: '2', GRPC_UDS: path };
    for (const end of ['SIGKILL', 'SIGTERM'] as const) {
      await using service = await spawnService({ files: FILES, redisPort: redis.port, env });
      await service.child.ready(() => isHealthy(service));
      using one = await H2Caller.open(path);
      using other = await H2Caller.open(path);
      for (const caller of [one, other]) {
        expect(await caller.ask(REQUEST)).toHaveProperty('overallCode', 'OK');
      }
      await service.child.stop(end);
    }
  });
});

describe('more than one worker where limits would not be exact', () => {
  test.each([
    [{ WORKERS: '2' }, /WORKERS=2 must be 1 here.*REDIS_URL/],
    [
      { WORKERS: '4', BACKEND_TYPE: 'redis', REDIS_URL: 'x:1', GRPC_LISTENER: 'grpc-js' },
      /WORKERS=4 must be 1 here.*GRPC_LISTENER=native/,
    ],
  ])('is refused with advice: %o', async (env, text) => {
    await using service = await spawnService({ files: FILES, env });
    expect(await service.child.exited).toEqual({ code: 2, signal: null });
    expect(service.child.output).toMatch(text);
  });

  test('is one by WORKERS=auto, which says so', async () => {
    await using service = await startService({ files: FILES, env: { WORKERS: 'auto' } });
    expect(service.child.output).toContain('WORKERS=auto is 1 here');
    expect(await service.stop()).toEqual(STOPPED);
  });
});
