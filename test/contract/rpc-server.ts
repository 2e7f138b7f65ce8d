/**
 * What every RpcServer must do, as one suite that each listener's tests run: calls and streams here,
 * sockets, TLS and the end of a listener in rpc-listener.ts.
 */
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import {
  GrpcStatus,
  REQUEST_ID_BYTES_MAX,
  REQUEST_ID_HEADER,
  REQUEST_ID_TOO_LONG,
  type RpcMethods,
  type RpcServer,
  type StreamCall,
  type UnaryCall,
  type UnaryHandler,
} from '../../src/wire/rpc-server.ts';
import type { RpcServerOptions } from '../../src/wire/rpc-server-options.ts';
import { bytes, echo, listenerRig, PATH, streaming, unary } from '../wire/listener-fixture.ts';
import { rpcListenerContract } from './rpc-listener.ts';

export interface StartedListener {
  readonly server: RpcServer;
  readonly port: number;
  readonly logged: readonly { readonly message: string; readonly error: unknown }[];
}

/** Starts a listener of these methods on a free port of loopback; `options` change single settings. */
export type StartListener = (
  methods: Partial<RpcMethods>,
  options?: Partial<RpcServerOptions>,
) => Promise<StartedListener>;

export const OTHER = '/weir.test.v1.Echo/Other';
/** A longer text of a status is cut. */
const TEXT_LENGTH_MAX = 2048;
const CALLS_AT_ONCE = 50;
/** Far more than any window or backlog takes while the reader has no turn. */
const BEHIND = { messages: 400, bytes: 8000 } as const;

export function rpcServerContract(name: string, start: StartListener): void {
  describe(`${name} as an RpcServer`, () => {
    describe('a unary call', () => unaryCalls(start));
    describe('the bounds of a unary call', () => unaryBounds(start));
    describe('a server stream', () => streams(start));
    rpcListenerContract(start);
  });
}

function unaryCalls(start: StartListener): void {
  const { serve, clientOf } = listenerRig(start);

  it.each([
    ['no bytes', bytes()],
    ['some bytes', bytes(0, 1, 255)],
    ['a message of many frames', new Uint8Array(300_000).fill(7)],
    ['a message beyond all windows', new Uint8Array(3_000_000).fill(8)],
  ])('carries %s both ways', async (_name, message) => {
    const { port } = await serve(unary(echo));
    const outcome = await clientOf(port).call(PATH, message);
    expect(outcome.code).toBe(status.OK);
    expect(Buffer.compare(outcome.message as Uint8Array, message)).toBe(0);
  });

  it('fails with the status and the text that the handler gave', async () => {
    const { port } = await serve(
      unary((_request, call) => call.fail(GrpcStatus.INVALID_ARGUMENT, 'größer als 3 %')),
    );
    const outcome = await clientOf(port).call(PATH, bytes());
    expect(outcome).toEqual({ code: 3, text: 'größer als 3 %', message: null });
  });

  it('cuts a long text and mends one that is not well-formed', async () => {
    const text = `\ud800${'x'.repeat(TEXT_LENGTH_MAX)}`;
    const { port } = await serve(unary((_request, call) => call.fail(GrpcStatus.UNKNOWN, text)));
    const outcome = await clientOf(port).call(PATH, bytes());
    expect(outcome.text).toBe(`\ufffd${'x'.repeat(TEXT_LENGTH_MAX - 1)}`);
  });

  it.each<[string, UnaryHandler, number]>([
    ['a reply', (request, call) => (call.reply(request), call.fail(GrpcStatus.UNKNOWN, 'x')), 0],
    ['a failure', (request, call) => (call.fail(GrpcStatus.UNKNOWN, 'x'), call.reply(request)), 2],
    ['two replies', (request, call) => (call.reply(request), call.reply(request)), 0],
    [
      'two failures',
      (_request, call) => (
        call.fail(GrpcStatus.NOT_FOUND, 'x'), call.fail(GrpcStatus.UNKNOWN, 'y')
      ),
      5,
    ],
  ])('ignores whatever follows %s', async (_name, handler, code) => {
    const { port, logged } = await serve(unary(handler));
    const client = clientOf(port);
    expect((await client.call(PATH, bytes(1))).code).toBe(code);
    expect((await client.call(PATH, bytes(1))).code).toBe(code);
    expect(logged).toEqual([]);
  });

  it('becomes INTERNAL when its handler throws, and the next one works', async () => {
    const failure = new Error('secret detail');
    const { port, logged } = await serve(
      unary((request, call) => {
        if (request.length === 0) throw failure;
        call.reply(request);
      }),
    );
    const client = clientOf(port);
    const outcome = await client.call(PATH, bytes());
    expect(outcome).toMatchObject({ code: status.INTERNAL, text: 'internal error' });
    expect((await client.call(PATH, bytes(1))).code).toBe(status.OK);
    expect(logged).toEqual([{ message: `gRPC: the handler of ${PATH} threw`, error: failure }]);
  });

  it('of an unknown method is UNIMPLEMENTED', async () => {
    const { port } = await serve(unary(echo));
    expect((await clientOf(port).call(OTHER, bytes())).code).toBe(status.UNIMPLEMENTED);
  });

  it('gets its own answer when many are answered later and in another order', async () => {
    const waiting: [Uint8Array, UnaryCall][] = [];
    const { port } = await serve(
      unary((request, call) => {
        waiting.push([Uint8Array.from(request), call]);
        if (waiting.length < CALLS_AT_ONCE) return;
        setImmediate(() => {
          for (const [message, waited] of waiting.reverse()) waited.reply(message);
        });
      }),
    );
    const client = clientOf(port);
    const numbers = Array.from({ length: CALLS_AT_ONCE }, (_, i) => i);
    const outcomes = await Promise.all(numbers.map((i) => client.call(PATH, bytes(i))));
    expect(outcomes.map(({ message }) => message?.[0])).toEqual(numbers);
  });

  it('tells the deadline on the monotonic clock, 0 when there is none', async () => {
    const seen: number[] = [];
    const { port } = await serve(
      unary((request, call) => {
        seen.push(call.deadlineMs);
        call.reply(request);
      }),
    );
    const client = clientOf(port);
    await client.call(PATH, bytes(), null);
    const before = performance.now();
    await client.call(PATH, bytes(), 5000);
    expect(seen[0]).toBe(0);
    expect(seen[1]).toBeGreaterThan(before + 4000);
    expect(seen[1]).toBeLessThan(performance.now() + 5001);
  });
}

function unaryBounds(start: StartListener): void {
  const { serve, clientOf } = listenerRig(start);

  it.each(['receiveBytesMax', 'sendBytesMax'] as const)(
    'within %s it passes, one byte more is RESOURCE_EXHAUSTED, as is much more',
    async (bound) => {
      const { port } = await serve(unary(echo), { [bound]: 1000 });
      const client = clientOf(port);
      const codes: number[] = [];
      for (const length of [1000, 1001, 100_000]) {
        codes.push((await client.call(PATH, new Uint8Array(length))).code);
      }
      expect(codes).toEqual([status.OK, status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED]);
    },
  );

  it('its request id is told, up to its bound; a longer one never reaches the handler', async () => {
    const seen: string[] = [];
    const { port } = await serve(
      unary((request, call) => {
        seen.push(call.requestId);
        call.reply(request);
      }),
    );
    const client = clientOf(port);
    const longest = 'x'.repeat(REQUEST_ID_BYTES_MAX);
    const ask = (fields: Record<string, string>) => client.call(PATH, bytes(), null, fields);
    await ask({});
    await ask({ [REQUEST_ID_HEADER]: longest });
    const refused = await ask({ [REQUEST_ID_HEADER]: `${longest}x` });
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, text: REQUEST_ID_TOO_LONG });
    expect(seen).toEqual(['', longest]);
  });
}

function streams(start: StartListener): void {
  const { serve, clientOf } = listenerRig(start);

  it('sends messages as they come and ends with OK', async () => {
    const { port } = await serve(
      streaming((request, call) => {
        call.send(Uint8Array.from(request));
        call.send(bytes(2));
        call.end(GrpcStatus.OK, '');
        call.send(bytes(3));
        call.end(GrpcStatus.UNKNOWN, 'too late');
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes(1));
    expect([...(await feed.next())]).toEqual([1]);
    expect([...(await feed.next())]).toEqual([2]);
    expect((await feed.ended).code).toBe(status.OK);
  });

  it.each([
    ['at once', false],
    ['after a message', true],
  ])('ends %s with the status that the handler gave', async (_name, sends) => {
    const { port } = await serve(
      streaming((_request, call) => {
        if (sends) call.send(bytes(1));
        call.end(GrpcStatus.RESOURCE_EXHAUSTED, 'full');
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes());
    expect(await feed.ended).toEqual({ code: status.RESOURCE_EXHAUSTED, text: 'full' });
  });

  it('tells when the caller goes away, once, and also who asks afterwards', async () => {
    let closes = 0;
    let open: StreamCall | null = null;
    const closed = Promise.withResolvers<void>();
    const { port } = await serve(
      streaming((request, call) => {
        open = call;
        call.send(Uint8Array.from(request));
        call.onClose(() => {
          closes += 1;
          closed.resolve();
        });
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes(1));
    await feed.next();
    feed.cancel();
    await closed.promise;
    const call = open as unknown as StreamCall;
    call.send(bytes(2));
    call.end(GrpcStatus.OK, '');
    let isToldLate = false;
    call.onClose(() => {
      isToldLate = true;
    });
    expect([closes, isToldLate]).toEqual([1, true]);
  });

  it('becomes INTERNAL when its handler throws', async () => {
    const { port, logged } = await serve(
      streaming(() => {
        throw new Error('defect');
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes());
    expect(await feed.ended).toEqual({ code: status.INTERNAL, text: 'internal error' });
    expect(logged).toHaveLength(1);
  });

  it('is ended when its reader has fallen too far behind', async () => {
    const { port } = await serve(
      streaming((_request, call) => {
        for (let sent = 0; sent < BEHIND.messages; sent += 1) {
          call.send(new Uint8Array(BEHIND.bytes));
        }
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes());
    expect((await feed.ended).code).toBe(status.RESOURCE_EXHAUSTED);
  });
}
