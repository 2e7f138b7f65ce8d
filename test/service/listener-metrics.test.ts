import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { registerListener } from '../../src/service/listener-metrics.ts';
import { observed } from '../telemetry/observed.ts';
import { RawClient } from '../wire/grpc-js/raw-client.ts';
import { startNative } from '../wire/native/native-fixture.ts';

const PATH = '/weir.test.v1.Echo/Say';

it('a call, an unknown method and a peer with junk show on the metrics page', async () => {
  const { telemetry, lines } = observed();
  const { server, port } = await startNative(
    { unary: new Map([[PATH, (request, call) => call.reply(request)]]) },
    { tuning: { lingerMs: 20, tickMs: 10 } },
  );
  registerListener(telemetry, server);
  const client = new RawClient(port);
  expect(await client.call(PATH, Uint8Array.of(1))).toMatchObject({ code: 0 });
  expect(await client.call('/no/where', Uint8Array.of(1))).toMatchObject({ code: 12 });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.end('GET / HTTP/1.1\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  while (server.connectionCount > 1) await new Promise(setImmediate);

  expect(await lines('weir_grpc_conn', 'weir_grpc_calls')).toEqual([
    'weir_grpc_calls 0',
    'weir_grpc_calls_total{outcome="refused"} 1',
    'weir_grpc_calls_total{outcome="started"} 1',
    'weir_grpc_connections 1',
    'weir_grpc_connections_total{event="closed"} 1',
    'weir_grpc_connections_total{event="failed"} 1',
    'weir_grpc_connections_total{event="handshake_failed"} 0',
    'weir_grpc_connections_total{event="opened"} 2',
    'weir_grpc_connections_total{event="refused"} 0',
  ]);
  expect(await lines('weir_grpc_streams_total{event="opened"}')).toEqual([
    'weir_grpc_streams_total{event="opened"} 2',
  ]);
  const kinds = ['empty_data', 'idle_frame', 'ping', 'reset', 'settings', 'window_update'];
  expect(await lines('weir_grpc_floods_total')).toEqual(
    kinds.map((kind) => `weir_grpc_floods_total{kind="${kind}"} 0`),
  );
  const bounds = ['assembly', 'assembly_total', 'headers', 'output', 'time'];
  expect(await lines('weir_grpc_bounds_met_total')).toEqual(
    bounds.map((bound) => `weir_grpc_bounds_met_total{bound="${bound}"} 0`),
  );
  expect(await lines('weir_grpc_assembly_bytes', 'weir_grpc_header')).toEqual([
    'weir_grpc_assembly_bytes 0',
    'weir_grpc_header_blocks_decoded_total 2',
  ]);
  const [received, sent] = await lines('weir_grpc_bytes_total');
  expect(received).toMatch(/direction="received"} [1-9]/);
  expect(sent).toMatch(/direction="sent"} [1-9]/);
  client.close();
  await server.drain(0);
});
