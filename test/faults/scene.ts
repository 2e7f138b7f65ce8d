/**
 * What the fault tests share: a service with a rule that counts each of a hundred users, a load on it,
 * a fault in the middle, and everything that can be known afterwards from outside: each answer and
 * when it came, the counts in Redis, the service's own numbers.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { Redis } from 'ioredis';
import { pause, until } from '../support/child.ts';
import { LoadClient } from '../support/load-client.ts';
import type { Answer, LoadReport } from '../support/load-report.ts';
import { pingRedis } from '../support/redis-server.ts';
import {
  isListening,
  type Service,
  type ServiceOptions,
  spawnService,
  startService,
} from '../support/service.ts';
import { FORM } from './form.ts';
import { Watch } from './watch.ts';

export const USERS = 100;

/** A year, so that no window ends in a test; a limit that nobody reaches, so that all must be counted. */
export const SHOP = `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: year, requests_per_unit: 4000000000 } }
`;

/** In proto3 JSON. */
export function userRequest(user: number, domain = 'shop'): JsonObject {
  return { domain, descriptors: [{ entries: [{ key: 'user', value: `user-${user}` }] }] };
}

/**
 * Among so many calls of users one is of a domain without rules, which is answered without Redis: how
 * late those are is the machine's doing.
 */
const CONTROL_AMONG = 10;
const CONTROL = userRequest(0, 'elsewhere');
/** The user of each request in turn, null for a control. */
const TURNS = Array.from({ length: USERS }, (_, user) =>
  user % CONTROL_AMONG === 0 ? [null, user] : [user],
).flat();

export function userOf(call: number): number | null {
  return TURNS[call % TURNS.length] as number | null;
}

/** A request of each user, and the controls between them. */
export function requestsOf(ofUser: (user: number) => JsonObject): JsonObject[] {
  return TURNS.map((user) => (user === null ? CONTROL : ofUser(user)));
}

export function startShop(options: ServiceOptions): Promise<Service> {
  return startService(shopOf(options));
}

/** As `startShop`, without waiting for the service to be healthy: for that it must have seen Redis. */
export async function startShopAlone(options: ServiceOptions): Promise<Service> {
  const service = await spawnService(shopOf(options));
  await service.child.ready(() => isListening(service.ports.grpc));
  return service;
}

function shopOf(options: ServiceOptions): ServiceOptions {
  const deadline = `${FORM.deadlineMs}ms`;
  return {
    files: { 'shop.yaml': SHOP },
    ...options,
    env: { REDIS_TIMEOUT: deadline, LIMIT_RESPONSE_HEADERS_ENABLED: 'true', ...options.env },
  };
}

export interface LoadPlan {
  readonly service: Service;
  /** The shop's when absent. */
  readonly ofUser?: (user: number) => JsonObject;
  /** What callers tell the service as their own deadline. */
  readonly callerMs?: number;
  /** Redis stays away, and what was admitted locally cannot be told to it. */
  readonly isNeverBack?: boolean;
}

/** What a load and the fault in it came to. */
export interface Scene {
  readonly report: LoadReport;
  readonly watch: Watch;
}

/** A phase of load, then `act` under load, then what is under way to its end. */
export async function underLoad(plan: LoadPlan, act: () => Promise<void>): Promise<Scene> {
  const { service, callerMs } = plan;
  using load = await LoadClient.start({
    port: service.ports.grpc,
    ratePerSecond: FORM.ratePerSecond,
    durationMs: FORM.testMsMax,
    requests: requestsOf(plan.ofUser ?? userRequest),
    connections: 4,
    ...(callerMs === undefined ? {} : { timeoutMs: callerMs }),
  });
  using watch = await Watch.start(service);
  await pause(FORM.beforeMs);
  watch.beginFault();
  await act();
  load.stop();
  const report = await load.done;
  await watch.finish(plan.isNeverBack ?? false);
  return { report, watch };
}

/** Holds the load on while a fault lasts. */
export function onePhase(): Promise<void> {
  return pause(FORM.phaseMs);
}

/** Resolves when all breakers are closed again and the load has gone on for a while. */
export async function wellAgain(service: Service): Promise<void> {
  await breakersClosed(service);
  await pause(FORM.afterMs);
}

/** Resolves, with the time, when the Redis there answers PING. */
export async function answersAgain(port: number): Promise<number> {
  const giveUpAt = performance.now() + FORM.testMsMax;
  while (performance.now() < giveUpAt) {
    const reply = await pingRedis(port).catch(() => '');
    if (reply.startsWith('+PONG')) return performance.now();
    await pause(2);
  }
  throw new Error(`nothing answers PING at ${port}`);
}

/** Resolves when all breakers are closed again. */
export async function breakersClosed(service: Service): Promise<void> {
  const open = async (): Promise<string[]> =>
    (await service.get('metrics', '/metrics'))
      .split('\n')
      .filter((line) => line.startsWith('weir_breaker_closed') && line.endsWith(' 0'));
  await until(open, (lines) => lines.length === 0, 20_000);
}

/** Gives orders to a Redis on a connection of its own. */
export async function order<T>(port: number, body: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ host: '127.0.0.1', port, protocol: 2, lazyConnect: true });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await body(redis);
  } finally {
    redis.disconnect();
  }
}

/** Counts in Redis by user. */
export function countsOf(port: number): Promise<number[]> {
  return order(port, async (redis) => {
    const counts = new Array<number>(USERS).fill(0);
    for (const key of await redis.keys('*user-*')) {
      const user = Number(/user-(\d+)$/.exec(key)?.[1]);
      counts[user] = Number(await redis.get(key));
    }
    return counts;
  });
}

/** How many answers of each user are so. */
export function answersByUser(report: LoadReport, isSo: (answer: Answer) => boolean): number[] {
  const counts = new Array<number>(USERS).fill(0);
  for (const answer of answersOf(report)) {
    const user = userOf(answer.call);
    if (user !== null && isSo(answer)) counts[user] = (counts[user] as number) + 1;
  }
  return counts;
}

export function* answersOf(report: LoadReport): Generator<Answer> {
  for (let call = 0; call < report.due; call += 1) yield report.answer(call);
}

/**
 * The first decision through Redis at or after `sinceMs` of a call sent after `faultMs`, of the users that
 * are meant: how long after.
 */
export function recoveryMs(
  report: LoadReport,
  faultMs: number,
  sinceMs: number,
  isMeant: (user: number) => boolean = () => true,
): number {
  const isThroughRedis = (answer: Answer): boolean => {
    const user = userOf(answer.call);
    if (user === null || !isMeant(user)) return false;
    return answer.sentMs > faultMs && answer.degraded === null && isDecision(answer);
  };
  const first = report.first(sinceMs, isThroughRedis);
  return first === null ? Number.POSITIVE_INFINITY : first.answeredMs - sinceMs;
}

export function isDecision({ outcome }: Answer): boolean {
  return outcome === 'OK' || outcome === 'OVER_LIMIT';
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, each) => total + each, 0);
}
