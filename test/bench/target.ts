/** Starts what a scenario measures, and knows which processes it is. */
import { once } from 'node:events';
import { encodeRateLimitResponse } from '../../src/wire/rls/encode-response.ts';
import { startRedis } from '../support/redis-server.ts';
import { isListening, spawnService } from '../support/service.ts';
import { answer, rule, status } from '../wire/rls/answers.ts';
import { forkPinned, PIN } from './one-core.ts';
import type { Scenario, Server, Traffic } from './scenario.ts';
import { limitsText } from './traffic.ts';

export interface Target extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Null when it is not known: no CPU time then. */
  readonly pid: number | null;
  readonly redisPid: number | null;
  /** An answer of Weir without a limit would be shorter; of others nothing is asked. */
  readonly answerBytesMin: number;
}

/** Another RateLimitService, whose rules are its own business. */
export interface Other {
  readonly host: string;
  readonly port: number;
  readonly pid: number | null;
}

const LOOPBACK = '127.0.0.1';
/** One full set of a status. */
const STATUS_BYTES_MIN = 12;
/** Reading 100,000 rules takes seconds, on a busy machine many. */
const READY_MS_MAX = 120_000;

/** From BENCH_OTHER (`host:port`) and BENCH_OTHER_PID; null when there is none. Throws on a bad one. */
export function otherFrom(env: NodeJS.ProcessEnv): Other | null {
  const address = env['BENCH_OTHER'] ?? '';
  const id = env['BENCH_OTHER_PID'] ?? '';
  if (address === '') return null;
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined) throw new Error(`BENCH_OTHER: ${address} is not host:port`);
  if (!/^\d*$/.test(id)) throw new Error(`BENCH_OTHER_PID: ${id} is not the id of a process`);
  return { host, port: Number(port), pid: id === '' ? null : Number(id) };
}

export function startTarget({ server, traffic }: Scenario, other: Other | null): Promise<Target> {
  if (server.kind === 'weir') return startWeir(server, traffic);
  if (server.kind === 'grpc-js') return startGrpcJs();
  if (other === null) throw new Error('BENCH_OTHER is not set');
  const target = { ...other, redisPid: null, answerBytesMin: 0 };
  return Promise.resolve({ ...target, [Symbol.asyncDispose]: () => Promise.resolve() });
}

async function startWeir(
  { store, listener }: Extract<Server, { kind: 'weir' }>,
  traffic: Traffic,
): Promise<Target> {
  const redis = store === 'redis' ? await startRedis() : null;
  const service = await spawnService({
    files: { 'limits.yaml': limitsText(traffic) },
    redisPort: redis?.port,
    env: { GRPC_LISTENER: listener },
    before: PIN,
  });
  const stop = async (): Promise<void> => {
    await service[Symbol.asyncDispose]();
    await redis?.stop();
  };
  try {
    await service.child.ready(async () => {
      const health = await fetch(`http://${LOOPBACK}:${service.ports.http}/healthcheck`);
      await health.arrayBuffer();
      return health.ok && (await isListening(service.ports.grpc));
    }, READY_MS_MAX);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: LOOPBACK,
    port: service.ports.grpc,
    pid: service.child.pid,
    redisPid: redis?.pid ?? null,
    answerBytesMin: STATUS_BYTES_MIN,
    [Symbol.asyncDispose]: stop,
  };
}

async function startGrpcJs(): Promise<Target> {
  const reply = encodeRateLimitResponse(
    answer({ statuses: [status({ rule: rule(), remaining: 9, resetSeconds: 42 })] }),
  );
  const child = forkPinned('grpc-js-child.ts', [Buffer.from(reply).toString('hex')]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    host: LOOPBACK,
    port,
    pid: child.pid ?? null,
    redisPid: null,
    answerBytesMin: reply.length,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
