/**
 * What replicas record for people: `audit` is what operators and the service itself changed, `abuse` is who
 * goes on asking for more than a limit lets through. An event is small, whatever its texts came from.
 */
import type { HybridTime } from '../hlc/hybrid-time.ts';

/** Each kind is a stream of its own: a flood of abuse must not push the audit out. */
export const EVENT_KINDS = ['audit', 'abuse'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const AUDIT_NAMES = [
  'service-started',
  'service-stopping',
  'rules-loaded',
  'rules-refused',
  'override-set',
  'override-cleared',
  'override-expired',
  'breaker-opened',
  'breaker-closed',
  'leader-elected',
  'leader-lost',
  'voter-failed',
  'split-detected',
  'split-healed',
  'ledgers-differ',
  'clock-changed',
  'redis-clock-off',
  'redis-clock-good',
  'session-opened',
  'session-lost',
  'session-expired',
] as const;
export type AuditName = (typeof AUDIT_NAMES)[number];

export type Detail = string | number | boolean | null;
/** Flat, by names of this program's own. */
export type Details = Readonly<Record<string, Detail>>;

/** Something to be recorded; who, when and its number are added by the log. */
export interface Happening {
  readonly kind: EventKind;
  readonly name: string;
  readonly details: Details;
  /**
   * Said by the leader of this term, as the leader: it is not written once a later leader has written.
   * Absent for what a replica says of itself.
   */
  readonly term?: number;
}

export interface AuditHappening extends Happening {
  readonly kind: 'audit';
  readonly name: AuditName;
}

/** Takes an audit event; never throws, never waits. */
export type Audit = (happening: Omit<AuditHappening, 'kind'>) => void;

/** Where events are not recorded. */
export const NO_AUDIT: Audit = () => {};

/** Who recorded it: one life of one process. Sequences of a kind count from 1 in each. */
export interface EventSource {
  readonly instance: string;
  /** Greater for each later start of the same instance. */
  readonly incarnation: number;
}

/** (instance, incarnation, kind, sequence) is there once, however often it was written. */
export interface RecordedEvent extends EventSource {
  readonly kind: EventKind;
  readonly sequence: number;
  readonly at: HybridTime;
  readonly name: string;
  readonly term: number | null;
  readonly details: Details;
}

/**
 * A total order that never puts an effect before its cause; between events that know nothing of each other
 * it is as good as the wall clocks are.
 */
export function compareEvents(a: RecordedEvent, b: RecordedEvent): number {
  return (
    a.at.wallMs - b.at.wallMs ||
    a.at.counter - b.at.counter ||
    compareText(a.instance, b.instance) ||
    a.incarnation - b.incarnation ||
    compareText(a.kind, b.kind) ||
    a.sequence - b.sequence
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
