/** Options for a gRPC listener under test, whichever it is. */
import type { RpcMethods } from '../../src/wire/rpc-server.ts';
import type { RpcServerOptions } from '../../src/wire/rpc-server-options.ts';

/** A free port of loopback, generous bounds, no age; `options` change single ones. */
export function listenerOptions(
  methods: Partial<RpcMethods>,
  options: Partial<RpcServerOptions> = {},
): RpcServerOptions {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    methods: { unary: new Map(), serverStreaming: new Map(), ...methods },
    receiveBytesMax: 8 * 1024 * 1024,
    sendBytesMax: 8 * 1024 * 1024,
    concurrentStreamsMax: 1000,
    connectionAgeMsMax: 0,
    connectionAgeGraceMs: 1000,
    keepaliveMs: 7_200_000,
    keepaliveTimeoutMs: 20_000,
    tls: null,
    log: () => {},
    ...options,
  };
}
