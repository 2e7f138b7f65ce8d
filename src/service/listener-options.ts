/** What the settings say of the gRPC listener, whichever it is. */
import { transportBytesMax } from '../rpc/request-bounds.ts';
import type { Settings } from '../settings/settings.ts';
import type { RpcServerOptions } from '../wire/rpc-server-options.ts';
import type { ServerTls } from '../wire/server-tls.ts';

export function listenerOptions(
  { server, bounds }: Settings,
  tls: ServerTls | null,
): Omit<RpcServerOptions, 'methods' | 'log'> {
  const { grpc } = server;
  return {
    listen: grpc.kind === 'unix' ? { socketPath: grpc.path } : grpc,
    receiveBytesMax: transportBytesMax(bounds),
    sendBytesMax: transportBytesMax(bounds),
    concurrentStreamsMax: server.concurrentStreamsMax,
    connectionAgeMsMax: server.maxConnectionAgeMs,
    connectionAgeGraceMs: server.maxConnectionAgeGraceMs,
    keepaliveMs: server.keepaliveMs,
    keepaliveTimeoutMs: server.keepaliveTimeoutMs,
    tls,
  };
}
