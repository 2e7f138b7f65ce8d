import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { RateLimitUnit } from '../../src/gen/envoy/type/v3/ratelimit_unit_pb.ts';
import { COUNTED_BYTES_MIN } from '../../src/rpc/count-guard.ts';
import { type RequestBounds, transportBytesMax } from '../../src/rpc/request-bounds.ts';
import { SHOULD_RATE_LIMIT, shouldRateLimit } from '../../src/rpc/should-rate-limit.ts';
import { DEFAULT_REQUEST_BOUNDS } from '../support/request-bounds.ts';
import {
  type Outcome,
  RawClient,
  type StartedServer,
  startServer,
} from '../wire/grpc-js/raw-client.ts';
import { CallLedger } from './call-ledger.ts';
import { CountingDecider, THROWING, UNSENDABLE } from './counting-decider.ts';

type Request = MessageInitShape<typeof RateLimitRequestSchema>;

const BOUNDS: RequestBounds = {
  domainBytesMax: 10,
  descriptorsMax: 3,
  entriesMax: 2,
  keyBytesMax: 8,
  valueBytesMax: 12,
  messageBytesMax: 1000,
};

let decider: CountingDecider;
let ledger: CallLedger;
let running: StartedServer;
let client: RawClient;

async function start(bounds: RequestBounds): Promise<void> {
  decider = new CountingDecider();
  ledger = new CallLedger();
  const handler = shouldRateLimit({ decider, bounds, observer: ledger });
  running = await startServer(
    { unary: new Map([[SHOULD_RATE_LIMIT, handler]]) },
    { receiveBytesMax: transportBytesMax(bounds) },
  );
  client = new RawClient(running.port);
}

beforeEach(() => start(BOUNDS));
afterEach(async () => {
  client.close();
  await running.server.drain(0);
  expect(running.logged).toEqual([]);
});

const send = (bytes: Uint8Array): Promise<Outcome> => client.call(SHOULD_RATE_LIMIT, bytes);
const encode = (request: Request): Uint8Array =>
  toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, request));
const ask = (request: Request): Promise<Outcome> => send(encode(request));

const entry = { key: 'k', value: 'v' };
const fine = { domain: 'shop', descriptors: [{ entries: [entry] }] };
const LONG = { key: 'long', value: 'v'.repeat(100) };
const repeat = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
/** A million empty entries, as the body of a descriptor. */
const ENTRIES = Buffer.alloc(2_000_000, Buffer.of(0x0a, 0));
const withEntry = (key: string, value: string): Request => ({
  domain: 'd',
  descriptors: [{ entries: [{ key, value }] }],
});

describe('ShouldRateLimit', () => {
  it('answers OK within the limit and OVER_LIMIT beyond it', async () => {
    const answers = [await ask(fine), await ask(fine)].map((outcome) =>
      fromBinary(RateLimitResponseSchema, outcome.message as Uint8Array),
    );
    expect(answers.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OVER_LIMIT]);
    expect(answers[0]?.statuses).toMatchObject([
      { code: Code.OK, currentLimit: { requestsPerUnit: 1 }, durationUntilReset: { seconds: 58n } },
    ]);
  });

  it('reports each call with its duration', async () => {
    await ask(fine);
    await ask({ domain: '' });
    expect(ledger.finished).toEqual(['ShouldRateLimit', 'ShouldRateLimit']);
    for (const durationMs of ledger.durationsMs) {
      expect(durationMs).toBeGreaterThanOrEqual(0);
      expect(durationMs).toBeLessThan(10_000);
    }
  });

  it.each<[string, Request, number, string, 'service' | 'store']>([
    [
      'an empty domain',
      { ...fine, domain: '' },
      status.UNKNOWN,
      'rate limit domain must not be empty',
      'service',
    ],
    [
      'an empty domain before an empty descriptor list',
      {},
      status.UNKNOWN,
      'rate limit domain must not be empty',
      'service',
    ],
    [
      'an empty descriptor list',
      { domain: 'shop' },
      status.UNKNOWN,
      'rate limit descriptor list must not be empty',
      'service',
    ],
    [
      'an empty descriptor list before a domain beyond its bound',
      { domain: 'd'.repeat(11) },
      status.UNKNOWN,
      'rate limit descriptor list must not be empty',
      'service',
    ],
    [
      'a service without limits',
      { ...fine, domain: 'unloaded' },
      status.UNKNOWN,
      'no rate limit configuration loaded',
      'service',
    ],
    [
      'an override with an unknown unit',
      {
        domain: 'shop',
        descriptors: [
          { entries: [entry], limit: { requestsPerUnit: 1, unit: RateLimitUnit.UNKNOWN } },
        ],
      },
      status.INVALID_ARGUMENT,
      'descriptors[0].limit.unit: 0 is not a unit',
      'service',
    ],
    [
      'a store that cannot be reached',
      { ...fine, domain: 'storeless' },
      status.UNAVAILABLE,
      'dial tcp: connection refused',
      'store',
    ],
  ])('fails %s', async (_name, request, code, text, counted) => {
    expect(await ask(request)).toEqual({ code, text, message: null });
    expect([ledger.serviceErrors, ledger.storeErrors]).toEqual(
      counted === 'service' ? [1, 0] : [0, 1],
    );
  });

  it.each<[string, Uint8Array, string]>([
    ['are cut short', encode(fine).subarray(0, -1), 'malformed RateLimitRequest: '],
    ['are text', Buffer.from('hello'), 'malformed RateLimitRequest: '],
    [
      'ask for more hits than are counted exactly',
      encode({ domain: 'd', descriptors: [{ entries: [entry], hitsAddend: 2n ** 53n }] }),
      'malformed RateLimitRequest: hits_addend beyond the bound of 2^53-1',
    ],
  ])('fails bytes that %s as INVALID_ARGUMENT', async (_name, bytes, text) => {
    const outcome = await send(bytes);
    expect(outcome.code).toBe(status.INVALID_ARGUMENT);
    expect(outcome.text).toContain(text);
  });

  it.each([THROWING, UNSENDABLE])('survives a defect behind it (%s)', async (domain) => {
    expect(await ask({ ...fine, domain })).toMatchObject({
      code: status.INTERNAL,
      text: 'internal error',
    });
    expect(ledger.internalErrors).toHaveLength(1);
    expect((await ask(fine)).code).toBe(status.OK);
  });

  it('finishes a call in flight when draining, and refuses new ones', async () => {
    const held = decider.hold();
    const inFlight = ask(fine);
    await held;
    const drained = running.server.drain(600_000);
    const late = new RawClient(running.port);
    expect((await late.call(SHOULD_RATE_LIMIT, encode(fine))).code).toBe(status.UNAVAILABLE);
    late.close();
    decider.release();
    expect((await inFlight).code).toBe(status.OK);
    await drained;
  });
});

describe('a bound', () => {
  it.each<[string, Request, Request, string]>([
    [
      'on domains',
      { ...fine, domain: 'ä'.repeat(5) },
      { ...fine, domain: `${'ä'.repeat(5)}b` },
      'domain: 11 bytes given, at most 10 (REQUEST_DOMAIN_BYTES_MAX)',
    ],
    [
      'on descriptors',
      { domain: 'd', descriptors: Array.from({ length: 3 }, () => ({ entries: [entry] })) },
      { domain: 'd', descriptors: Array.from({ length: 4 }, () => ({ entries: [entry] })) },
      'descriptors: 4 given, at most 3 (REQUEST_DESCRIPTORS_MAX)',
    ],
    [
      'on entries',
      { domain: 'd', descriptors: [{ entries: [entry, entry] }] },
      { domain: 'd', descriptors: [{ entries: [] }, { entries: [entry, entry, entry] }] },
      'descriptors[1].entries: 3 given, at most 2 (REQUEST_ENTRIES_MAX)',
    ],
    [
      'on keys',
      withEntry('k'.repeat(8), ''),
      withEntry('k'.repeat(9), ''),
      'descriptors[0].entries[0].key: 9 bytes given, at most 8 (REQUEST_KEY_BYTES_MAX)',
    ],
    [
      'on values, in bytes of UTF-8',
      withEntry('k', '€€€€'),
      withEntry('k', '€€€€v'),
      'descriptors[0].entries[0].value: 13 bytes given, at most 12 (REQUEST_VALUE_BYTES_MAX)',
    ],
    [
      'on values of characters beyond 16 bits',
      withEntry('k', '😀😀😀'),
      withEntry('k', '😀😀😀😀'),
      'descriptors[0].entries[0].value: 16 bytes given, at most 12 (REQUEST_VALUE_BYTES_MAX)',
    ],
  ])('%s admits its size and refuses one more by name', async (_name, largest, tooLarge, text) => {
    expect((await ask(largest)).code).toBe(status.OK);
    expect(await ask(tooLarge)).toEqual({ code: status.INVALID_ARGUMENT, text, message: null });
    expect(ledger.serviceErrors).toBe(1);
  });

  it('on messages admits its size and refuses one more by name', async () => {
    const padded = (length: number): Uint8Array => {
      // Field 15 is unknown and passed over; its length needs two bytes here.
      const request = encode(fine);
      const padding = length - request.length - 3;
      const tail = Buffer.alloc(padding + 3, 0x61);
      tail.set([0x7a, (padding & 0x7f) | 0x80, padding >> 7]);
      return Buffer.concat([request, tail]);
    };
    expect((await send(padded(1000))).code).toBe(status.OK);
    expect(await send(padded(1001))).toEqual({
      code: status.INVALID_ARGUMENT,
      text: 'message: 1001 bytes given, at most 1000 (REQUEST_MESSAGE_BYTES_MAX)',
      message: null,
    });
  });

  it.each<[string, Uint8Array, string]>([
    [
      'on descriptors',
      Buffer.alloc(4_000_000, Buffer.of(0x12, 0)),
      'descriptors: 2000000 given, at most 256 (REQUEST_DESCRIPTORS_MAX)',
    ],
    [
      'on entries',
      Buffer.concat([Buffer.from('0a016412001280897a', 'hex'), ENTRIES]),
      'descriptors[1].entries: 1000000 given, at most 64 (REQUEST_ENTRIES_MAX)',
    ],
  ])('%s refuses millions before anything is made of them', async (_name, bytes, text) => {
    const call = { deadlineMs: 0, requestId: '', arrivedMs: 0, reply: () => {}, fail: vi.fn() };
    // As an operator may set it; the default would refuse these for their length alone.
    const wide = { ...DEFAULT_REQUEST_BOUNDS, messageBytesMax: 8_000_000 };
    const handler = shouldRateLimit({ decider, bounds: wide, observer: ledger });
    const before = process.memoryUsage().heapUsed;
    handler(bytes, call);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
    expect(call.fail).toHaveBeenCalledWith(status.INVALID_ARGUMENT, text);
  });

  it.each([
    ['descriptors', { domain: 'd', descriptors: repeat(256, { entries: [LONG, entry] }) }],
    ['entries', { domain: 'd', descriptors: [{ entries: repeat(64, LONG) }] }],
  ])('admits its size in a large message too: %s', (_name, request) => {
    const call = { deadlineMs: 0, requestId: '', arrivedMs: 0, reply: vi.fn(), fail: vi.fn() };
    const bytes = encode(request);
    expect(bytes.length).toBeGreaterThan(COUNTED_BYTES_MIN);
    shouldRateLimit({ decider, bounds: DEFAULT_REQUEST_BOUNDS, observer: ledger })(bytes, call);
    expect(call.fail).not.toHaveBeenCalled();
    expect(call.reply).toHaveBeenCalledOnce();
  });

  it('by default admits all headers that Envoy accepts as one value', async () => {
    client.close();
    await running.server.drain(0);
    await start(DEFAULT_REQUEST_BOUNDS);
    expect((await ask(withEntry('path', 'x'.repeat(60 * 1024)))).code).toBe(status.OK);
  });
});

describe('junk', () => {
  it('is answered, whatever the bytes, and never disturbs the next call', async () => {
    await fc.assert(
      fc.asyncProperty(junk(), async (bytes) => {
        const outcome = await send(bytes);
        expect([status.OK, status.UNKNOWN, status.INVALID_ARGUMENT]).toContain(outcome.code);
      }),
      { numRuns: 300 },
    );
    expect(ledger.internalErrors).toEqual([]);
    expect((await ask({ ...fine, domain: 'after' })).code).toBe(status.OK);
  });
});

/** Random bytes, and messages with some of their bytes changed: those get further. */
function junk(): fc.Arbitrary<Uint8Array> {
  const spoilt = fc
    .tuple(
      fc.record({
        domain: fc.string({ maxLength: 12 }),
        descriptors: fc.array(
          fc.record({
            entries: fc.array(fc.record({ key: fc.string(), value: fc.string() }), {
              maxLength: 3,
            }),
            hitsAddend: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          }),
          { maxLength: 4 },
        ),
      }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
    )
    .map(([request, changes]) => {
      const bytes = encode(request);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
  return fc.oneof(fc.uint8Array({ maxLength: 60 }), spoilt);
}
