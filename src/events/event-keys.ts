/** Names of what is kept of events. In a cluster all are in one slot, so that one script may use them. */
import type { EventKind } from '../core/events/event.ts';

export interface EventKeys {
  readonly streams: Readonly<Record<EventKind, string>>;
  /** Holds the highest term in which a leader of the group wrote. */
  readonly fence: string;
}

/** `stream`: EVENTS_STREAM. `clusterId`: of the group whose leaders write, as terms are its own. */
export function eventKeys(stream: string, clusterId: string, isCluster: boolean): EventKeys {
  const name = isCluster ? `{${stream}}` : stream;
  return {
    streams: { audit: name, abuse: `${name}:abuse` },
    fence: `${name}:term:${clusterId}`,
  };
}
