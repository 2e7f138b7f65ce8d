/**
 * Events of many replicas, from the order in which they reached a stream to the order in which they
 * happened. A stream is nearly in order: a replica writes a moment after it stamps, and much later only
 * when it could not write. So an event is held back until the stream has gone on for `windowMs`, by the
 * stream's own clock, and then given out behind all that happened before it. What reaches the stream
 * later still is given out as soon, marked as late.
 */
import { compareTimes, type HybridTime, NO_TIME } from '../hlc/hybrid-time.ts';
import type { DurationMs, WallMs } from '../time.ts';
import { compareEvents, type RecordedEvent } from './event.ts';

/** Events held back at most; the earliest go when there are more. */
export const HELD_MAX = 4096;
/** A time so far ahead of the stream's clock is of a wrong clock: nothing is late by it. */
const AHEAD_MS_MAX = 1000;

export interface Ordered<T> {
  readonly event: RecordedEvent;
  readonly note: T;
  /** Something that happened later was given out before it. */
  readonly isLate: boolean;
}

interface Held<T> {
  readonly event: RecordedEvent;
  /** When it reached the stream. */
  readonly arrivedMs: WallMs;
  readonly note: T;
}

export class EventOrder<T> {
  readonly #windowMs: DurationMs;
  /** Sorted, earliest first. */
  #held: Held<T>[] = [];
  #newestMs: WallMs = 0;
  #last: HybridTime = NO_TIME;

  constructor(windowMs: DurationMs) {
    this.#windowMs = windowMs;
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** `note` comes back with the event. */
  add(event: RecordedEvent, arrivedMs: WallMs, note: T): void {
    this.#newestMs = Math.max(this.#newestMs, arrivedMs);
    // Mostly it belongs near the end.
    let at = this.#held.length;
    while (at > 0 && compareEvents((this.#held[at - 1] as Held<T>).event, event) > 0) at -= 1;
    this.#held.splice(at, 0, { event, arrivedMs, note });
  }

  /** Those whose time is up, each behind all that are before it, and those that there is no room for. */
  take(): Ordered<T>[] {
    const due = this.#newestMs - this.#windowMs;
    const count = this.#held.findLastIndex(({ arrivedMs }) => arrivedMs <= due) + 1;
    return this.#give(Math.max(count, this.#held.length - HELD_MAX));
  }

  /** All: the stream is at its end, or nothing has come for as long as the window is. */
  takeAll(): Ordered<T>[] {
    return this.#give(this.#held.length);
  }

  #give(count: number): Ordered<T>[] {
    return this.#held.splice(0, count).map(({ event, arrivedMs, note }) => {
      const isLate = compareTimes(event.at, this.#last) < 0;
      const isAhead = event.at.wallMs > arrivedMs + AHEAD_MS_MAX;
      if (!isLate && !isAhead) this.#last = event.at;
      return { event, note, isLate };
    });
  }
}
