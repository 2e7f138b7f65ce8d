/** What the tests of every gRPC listener share: a method that echoes, and an end to all they start. */
import { afterEach } from 'vitest';
import type { RpcServer, StreamHandler, UnaryHandler } from '../../src/wire/rpc-server.ts';
import { RawClient } from './grpc-js/raw-client.ts';

export const PATH = '/weir.test.v1.Echo/Say';

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
export const echo: UnaryHandler = (request, call) => call.reply(Uint8Array.from(request));

export function unary(handler: UnaryHandler): { unary: ReadonlyMap<string, UnaryHandler> } {
  return { unary: new Map([[PATH, handler]]) };
}

export function streaming(handler: StreamHandler): {
  serverStreaming: ReadonlyMap<string, StreamHandler>;
} {
  return { serverStreaming: new Map([[PATH, handler]]) };
}

/** Servers made by `start` and clients of them, all ended after each test of the calling file. */
export function listenerRig<A extends unknown[], S extends { readonly server: RpcServer }>(
  start: (...args: A) => Promise<S>,
): { serve: (...args: A) => Promise<S>; clientOf: (target: number | string) => RawClient } {
  const started: S[] = [];
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(started.splice(0).map(({ server }) => server.drain(0)));
  });
  return {
    async serve(...args) {
      const running = await start(...args);
      started.push(running);
      return running;
    },
    clientOf(target) {
      const client = new RawClient(target);
      clients.push(client);
      return client;
    },
  };
}
