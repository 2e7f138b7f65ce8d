/**
 * The events of one kind on their way to the stream, in order: a bounded queue, one batch under way, and a
 * batch that failed again and again until it is written. Nobody waits for it.
 */
import type { EventKind } from '../core/events/event.ts';
import type { DurationMs, MonotonicMs } from '../core/time.ts';
import type { EventSink, WaitingEvent, WriteOutcome } from './event-sink.ts';

/** Of one kind: minutes of an outage at an ordinary pace, a few megabytes at worst. */
export const QUEUE_MAX = 1024;
/** Entries of a batch: its script keeps Redis busy for a fraction of a millisecond. */
export const BATCH_MAX = 32;
/** Between two batches: together at most 320 entries a second, and one call for what comes together. */
export const PAUSE_MS: DurationMs = 100;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5000;

/** `queue`: it was full. `fenced`: a later leader has spoken. `stopped`: unwritten at the end. */
export type DropReason = 'queue' | 'fenced' | 'stopped';

interface Queued extends WaitingEvent {
  readonly at: MonotonicMs;
}

export class EventLane {
  readonly kind: EventKind;
  readonly dropped: Record<DropReason, number> = { queue: 0, fenced: 0, stopped: 0 };
  written = 0;
  readonly #sink: EventSink;
  readonly #now: () => MonotonicMs;
  #queue: Queued[] = [];
  /** Of the queue's beginning, so many are under way; 0: none. */
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS_MIN;
  #isClosed = false;
  #onEmpty: (() => void) | null = null;

  constructor(kind: EventKind, sink: EventSink, now: () => MonotonicMs) {
    this.kind = kind;
    this.#sink = sink;
    this.#now = now;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Age of the oldest that is not written; 0 when all are. */
  get lagMs(): DurationMs {
    const oldest = this.#queue[0];
    return oldest === undefined ? 0 : this.#now() - oldest.at;
  }

  /** Written soon, or dropped and counted. */
  push(event: WaitingEvent): void {
    if (this.#isClosed || this.#queue.length >= QUEUE_MAX) {
      this.dropped[this.#isClosed ? 'stopped' : 'queue'] += 1;
      return;
    }
    this.#queue.push({ ...event, at: this.#now() });
    this.#arm(PAUSE_MS);
  }

  /** Something changed for the better: what waits for another try is tried now. */
  hurry(): void {
    if (this.#queue.length === 0 || this.#underWay > 0) return;
    this.#disarm();
    this.#retryMs = RETRY_MS_MIN;
    this.#arm(0);
  }

  /** Writes what waits for so long at most; what is left is dropped. Never rejects. */
  async close(withinMs: DurationMs): Promise<void> {
    if (this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, withinMs);
        this.#onEmpty = () => {
          clearTimeout(late);
          resolve();
        };
        this.hurry();
      });
    }
    this.#isClosed = true;
    this.#disarm();
    this.dropped.stopped += this.#queue.length;
    this.#queue = [];
  }

  /** Sooner than what is planned, or not at all, changes nothing. */
  #arm(ms: DurationMs): void {
    if (this.#timer !== undefined || this.#underWay > 0 || this.#isClosed) return;
    this.#timer = setTimeout(() => this.#write(), ms).unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #write(): void {
    this.#timer = undefined;
    const batch = this.#queue.slice(0, BATCH_MAX);
    if (batch.length === 0) return;
    this.#underWay = batch.length;
    this.#sink.write(this.kind, batch, (outcome) => this.#done(outcome));
  }

  #done(outcome: WriteOutcome): void {
    const count = this.#underWay;
    this.#underWay = 0;
    if (this.#isClosed) return;
    if (outcome.kind === 'failed') {
      this.#arm(this.#retryMs);
      this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
      return;
    }
    this.#retryMs = RETRY_MS_MIN;
    this.#queue.splice(0, count);
    this.written += count - outcome.fenced;
    this.dropped.fenced += outcome.fenced;
    if (this.#queue.length > 0) this.#arm(this.#onEmpty === null ? PAUSE_MS : 0);
    else this.#onEmpty?.();
  }
}
