/** What the native listener counts, as our own metrics. The library's listener counts nothing. */
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { NativeServer } from '../wire/native/native-server.ts';
import type { TlsReload } from './tls-reload.ts';

export function registerListener(telemetry: Telemetry, server: NativeServer): void {
  const { http2, grpc } = server.counters;
  telemetry.register('weir_grpc_connections', () => server.connectionCount);
  telemetry.register('weir_grpc_calls', () => server.callCount);
  telemetry.register('weir_grpc_assembly_bytes', () => server.assemblyBytes);
  telemetry.register('weir_grpc_header_blocks_decoded_total', () => http2.headerBlocksDecoded);
  telemetry.register('weir_grpc_connections_total', () =>
    byLabel('event', {
      opened: http2.connectionsOpened,
      closed: http2.connectionsClosed,
      failed: http2.connectionsFailed,
      refused: server.counters.connectionsRefused,
      handshake_failed: server.counters.handshakesFailed,
    }),
  );
  telemetry.register('weir_grpc_streams_total', () =>
    byLabel('event', {
      opened: http2.streamsOpened,
      closed: http2.streamsClosed,
      refused: http2.streamsRefused,
      reset_by_peer: http2.streamsReset,
      failed: http2.streamsFailed,
    }),
  );
  telemetry.register('weir_grpc_calls_total', () =>
    byLabel('outcome', { started: grpc.callsStarted, refused: grpc.callsRefused }),
  );
  telemetry.register('weir_grpc_bytes_total', () =>
    byLabel('direction', { received: http2.bytesReceived, sent: http2.bytesSent }),
  );
  registerHostility(telemetry, server);
}

function registerHostility(telemetry: Telemetry, { counters }: NativeServer): void {
  const { http2, grpc } = counters;
  telemetry.register('weir_grpc_floods_total', () =>
    byLabel('kind', {
      reset: http2.resetFloods,
      ping: http2.pingFloods,
      settings: http2.settingsFloods,
      empty_data: http2.emptyDataFloods,
      window_update: http2.windowUpdateFloods,
      idle_frame: http2.idleFrameFloods,
    }),
  );
  telemetry.register('weir_grpc_bounds_met_total', () =>
    byLabel('bound', {
      time: http2.stalls,
      headers: http2.headersTooLarge,
      output: http2.overflows,
      assembly: grpc.assembliesRefused,
      assembly_total: grpc.assembliesEvicted,
    }),
  );
}

export function registerTlsReload(telemetry: Telemetry, { counts }: TlsReload): void {
  telemetry.register('weir_grpc_tls_reloads_total', () => byLabel('outcome', counts));
}

function byLabel<L extends string>(
  label: L,
  values: Readonly<Record<string, number>>,
): { labels: Record<L, string>; value: number }[] {
  return Object.entries(values).map(([name, value]) => ({
    labels: { [label]: name } as Record<L, string>,
    value,
  }));
}
