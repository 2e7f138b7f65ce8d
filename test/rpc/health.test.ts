import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../src/gen/grpc/health/v1/health_pb.ts';
import { HEALTH_CHECK, HEALTH_WATCH, HealthService } from '../../src/rpc/health.ts';
import { HealthState } from '../../src/rpc/health-state.ts';
import {
  type Feed,
  RawClient,
  type StartedServer,
  startServer,
} from '../wire/grpc-js/raw-client.ts';
import { CallLedger } from './call-ledger.ts';

const WATCHES_MAX = 3;

let state: HealthState;
let ledger: CallLedger;
let running: StartedServer;
let client: RawClient;

beforeEach(async () => {
  state = new HealthState({ config: true, store: true });
  ledger = new CallLedger();
  const service = new HealthService({ state, observer: ledger, watchesMax: WATCHES_MAX });
  running = await startServer({
    unary: new Map([[HEALTH_CHECK, service.check]]),
    serverStreaming: new Map([[HEALTH_WATCH, service.watch]]),
  });
  client = new RawClient(running.port);
});
afterEach(async () => {
  client.close();
  await running.server.drain(0);
});

const request = (service: string): Uint8Array =>
  toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));
const statusOf = (message: Uint8Array): ServingStatus =>
  fromBinary(HealthCheckResponseSchema, message).status;
const check = async (service: string): Promise<ServingStatus | string> => {
  const outcome = await client.call(HEALTH_CHECK, request(service));
  return outcome.message === null ? `${outcome.code} ${outcome.text}` : statusOf(outcome.message);
};
const watch = (service: string): Feed => client.stream(HEALTH_WATCH, request(service));

describe.each(['', 'ratelimit'])('Check of "%s"', (service) => {
  it.each<[string, (state: HealthState) => void, ServingStatus]>([
    ['serves when all is well', () => {}, ServingStatus.SERVING],
    ['does not serve without limits', (s) => s.setConfig(false), ServingStatus.NOT_SERVING],
    ['does not serve without its store', (s) => s.setStore(false), ServingStatus.NOT_SERVING],
    ['does not serve while draining', (s) => s.startDraining(), ServingStatus.NOT_SERVING],
    [
      'serves again when the store is back',
      (s) => (s.setStore(false), s.setStore(true)),
      ServingStatus.SERVING,
    ],
    [
      'stays out when the store comes back during the drain',
      (s) => (s.setStore(false), s.startDraining(), s.setStore(true)),
      ServingStatus.NOT_SERVING,
    ],
  ])('%s', async (_name, change, expected) => {
    change(state);
    expect(await check(service)).toBe(expected);
  });
});

describe('Check', () => {
  it('of an unknown service is NOT_FOUND', async () => {
    expect(await check('nope')).toBe(`${status.NOT_FOUND} unknown service 'nope'`);
  });

  it.each([
    ['junk', Uint8Array.of(0x0a, 0xff)],
    ['a very long name', request('x'.repeat(5000))],
  ])('of %s is INVALID_ARGUMENT', async (_name, bytes) => {
    const outcome = await client.call(HEALTH_CHECK, bytes);
    expect(outcome.code).toBe(status.INVALID_ARGUMENT);
    expect(outcome.text).toContain('malformed HealthCheckRequest: ');
  });

  it('is reported with its duration', async () => {
    await check('');
    expect(ledger.finished).toEqual(['Check']);
  });
});

describe('Watch', () => {
  it.each(['', 'ratelimit'])('of "%s" tells the state and each change of it', async (service) => {
    const feed = watch(service);
    expect(statusOf(await feed.next())).toBe(ServingStatus.SERVING);
    state.setStore(false);
    expect(statusOf(await feed.next())).toBe(ServingStatus.NOT_SERVING);
    state.setConfig(false);
    state.setStore(true);
    state.setConfig(true);
    expect(statusOf(await feed.next())).toBe(ServingStatus.SERVING);
    state.startDraining();
    expect(statusOf(await feed.next())).toBe(ServingStatus.NOT_SERVING);
    await running.server.drain(5000);
    expect((await feed.ended).code).toBe(status.UNAVAILABLE);
  });

  it('of an unknown service tells SERVICE_UNKNOWN and stays open', async () => {
    const feed = watch('nope');
    expect(statusOf(await feed.next())).toBe(ServingStatus.SERVICE_UNKNOWN);
    const known = watch('');
    await known.next();
    state.setStore(false);
    await known.next();
    feed.cancel();
    expect((await feed.ended).code).toBe(status.CANCELLED);
  });

  it('of junk is INVALID_ARGUMENT', async () => {
    const feed = client.stream(HEALTH_WATCH, Uint8Array.of(0x0a, 0xff));
    expect((await feed.ended).code).toBe(status.INVALID_ARGUMENT);
  });

  it('is refused beyond the bound, and possible again when one has ended', async () => {
    const feeds = [watch(''), watch('ratelimit'), watch('nope')];
    for (const feed of feeds) await feed.next();
    expect(await watch('').ended).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      text: `health watches: ${WATCHES_MAX} open, at most ${WATCHES_MAX}`,
    });
    for (const feed of feeds) feed.cancel();
    for (const feed of feeds) await feed.ended;
    await untilOpen();
  });
});

/** The server hears of a cancelled stream a moment after its caller. */
async function untilOpen(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const feed = watch('');
    const first = await Promise.race([feed.next(), feed.ended]);
    if (Buffer.isBuffer(first)) return;
  }
  throw new Error('no watch became free');
}

describe('the state', () => {
  it('tells its components', () => {
    state.setStore(false);
    expect(state.components).toEqual({ config: true, store: false, draining: false });
  });

  it('announces changes of the whole only', () => {
    const heard: boolean[] = [];
    state.onChange((isServing) => heard.push(isServing));
    state.setConfig(true);
    state.setConfig(false);
    state.setStore(false);
    state.setConfig(true);
    state.setStore(true);
    expect(heard).toEqual([false, true]);
  });

  it('has a bound on listeners', () => {
    const fresh = new HealthState({ config: false, store: false });
    for (let count = 0; count < 16; count += 1) fresh.onChange(() => {});
    expect(() => fresh.onChange(() => {})).toThrow('too many listeners');
  });
});
