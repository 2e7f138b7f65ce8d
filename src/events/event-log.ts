/**
 * What this process records: each happening gets a time of the hybrid clock and its kind's next number, and
 * is written in the background. Recording costs a few microseconds, never waits and never fails; what
 * cannot be written is dropped beyond a bound, counted, and seen by readers as a gap in the numbers.
 */

import { EVENT_KINDS, type EventKind, type Happening } from '../core/events/event.ts';
import { cut, encodeEvent, INSTANCE_LENGTH_MAX } from '../core/events/event-codec.ts';
import type { HybridClock } from '../core/hlc/hybrid-clock.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../core/time.ts';
import { EventLane } from './event-lane.ts';
import type { EventSink } from './event-sink.ts';

export interface EventLogParts {
  readonly instance: string;
  readonly clock: HybridClock;
  readonly wall: () => WallMs;
  readonly monotonic: () => MonotonicMs;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sink: EventSink;
}

/** Two starts in one millisecond, of processes that share a name by mistake, are told apart by it. */
const STARTS_PER_MS = 1024;

export class EventLog {
  readonly instance: string;
  readonly incarnation: number;
  readonly lanes: Readonly<Record<EventKind, EventLane>>;
  readonly #parts: EventLogParts;
  readonly #sequences: Record<EventKind, number> = { audit: 0, abuse: 0 };

  constructor(parts: EventLogParts) {
    const { instance, wall, monotonic, random, sink } = parts;
    this.#parts = parts;
    this.instance = cut(instance, INSTANCE_LENGTH_MAX);
    this.incarnation = Math.floor(wall()) * STARTS_PER_MS + Math.floor(random() * STARTS_PER_MS);
    this.lanes = {
      audit: new EventLane('audit', sink, monotonic),
      abuse: new EventLane('abuse', sink, monotonic),
    };
  }

  readonly record = ({
    kind,
    name,
    details,
    term = null,
  }: Omit<Happening, 'term'> & {
    readonly term?: number | null;
  }): void => {
    const { clock, wall } = this.#parts;
    const sequence = ++this.#sequences[kind];
    const fields = encodeEvent({
      kind,
      name,
      details,
      term,
      sequence,
      at: clock.tick(wall()),
      instance: this.instance,
      incarnation: this.incarnation,
    });
    this.lanes[kind].push({ fields, term });
  };

  /** The way to the stream is free again. */
  hurry(): void {
    for (const kind of EVENT_KINDS) this.lanes[kind].hurry();
  }

  async close(withinMs: DurationMs): Promise<void> {
    await Promise.all(EVENT_KINDS.map((kind) => this.lanes[kind].close(withinMs)));
  }
}
