/** What the recording of events counts, as our own metrics. */
import { EVENT_KINDS } from '../core/events/event.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { EventRecorder } from './event-recorder.ts';

export function registerEvents(telemetry: Telemetry, { log, abuse, errors }: EventRecorder): void {
  if (log === null || abuse === null) return;
  const lanes = EVENT_KINDS.map((kind) => log.lanes[kind]);
  telemetry.register('weir_events_written_total', () =>
    lanes.map(({ kind, written }) => ({ labels: { kind }, value: written })),
  );
  telemetry.register('weir_events_dropped_total', () =>
    lanes.flatMap(({ kind, dropped }) =>
      Object.entries(dropped).map(([reason, value]) => ({ labels: { kind, reason }, value })),
    ),
  );
  telemetry.register('weir_events_queued', () =>
    lanes.map(({ kind, queued }) => ({ labels: { kind }, value: queued })),
  );
  telemetry.register('weir_events_lag_seconds', () =>
    lanes.map(({ kind, lagMs }) => ({ labels: { kind }, value: lagMs / 1000 })),
  );
  telemetry.register('weir_events_suppressed_total', () =>
    Object.entries(abuse.suppressed).map(([bound, value]) => ({ labels: { bound }, value })),
  );
  telemetry.register('weir_events_errors_total', () =>
    [...errors.entries()].map(({ labels, value }) => ({ labels: { class: labels.class }, value })),
  );
}
