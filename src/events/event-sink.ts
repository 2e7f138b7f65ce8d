/** Where recorded events go. One batch of a kind is under way at a time. */
import type { EventKind } from '../core/events/event.ts';

/** An event as the fields of an entry, which never change: written twice, it is the same event. */
export interface WaitingEvent {
  readonly fields: readonly string[];
  /** Of the leader that says it, else null. */
  readonly term: number | null;
}

export type WriteOutcome =
  /** `fenced`: so many of them were not written, as a leader of a later term has spoken. */
  | { readonly kind: 'written'; readonly fenced: number }
  /** Some or all may have been written: the same batch is to be written again. */
  | { readonly kind: 'failed' };

export interface EventSink {
  /** `done` is called once, within a bounded time, and not before this has returned. */
  write(
    kind: EventKind,
    batch: readonly WaitingEvent[],
    done: (outcome: WriteOutcome) => void,
  ): void;
}
