/**
 * A hybrid logical clock (Kulkarni et al., Logical Physical Clocks, 2014): its times grow with every
 * question, whatever the wall clock does, stay near the wall clock, and one that is taken after a message
 * was received is greater than the one that the message carries. So what one replica did because of
 * another comes later in the order of times, though their wall clocks differ.
 *
 * A time of another replica moves this clock ahead of its own wall clock by OFFSET_MS_MAX at most: one
 * that is further ahead is refused, or a single wrong clock would carry all others away. A counter that
 * is full goes on with the next millisecond. A wall clock that goes back is waited for.
 */
import type { DurationMs, WallMs } from '../time.ts';
import {
  COUNTER_MAX,
  compareTimes,
  type HybridTime,
  isTime,
  NO_TIME,
  WALL_MS_MAX,
} from './hybrid-time.ts';

/** As far as a replica may be off before it is fenced (peers/group/clock-skew.ts). */
export const OFFSET_MS_MAX: DurationMs = 500;

/** What became of the time of another replica. */
export type Received =
  /** What this replica does from now on is later than it. */
  | { readonly kind: 'taken'; readonly time: HybridTime }
  /** Too far ahead of this replica's wall clock: nothing has changed. */
  | { readonly kind: 'ahead'; readonly byMs: DurationMs }
  /** No time at all: nothing has changed. */
  | { readonly kind: 'malformed' };

export class HybridClock {
  #latest: HybridTime = NO_TIME;

  /** The last time that was given out. */
  get latest(): HybridTime {
    return this.#latest;
  }

  /** A time greater than all before it. `wall`: this replica's clock now. */
  tick(wall: WallMs): HybridTime {
    const physical = wholeOf(wall);
    this.#latest =
      physical > this.#latest.wallMs ? { wallMs: physical, counter: 0 } : next(this.#latest);
    return this.#latest;
  }

  /** Makes all later times greater than `remote`, which came with a message. */
  receive(remote: HybridTime, wall: WallMs): Received {
    if (!isTime(remote)) return { kind: 'malformed' };
    if (compareTimes(remote, this.#latest) > 0) {
      // Where it leads to is what is bounded: a full counter leads into the next millisecond.
      const byMs = next(remote).wallMs - wholeOf(wall);
      if (byMs > OFFSET_MS_MAX) return { kind: 'ahead', byMs };
      this.#latest = remote;
    }
    return { kind: 'taken', time: this.tick(wall) };
  }
}

function next({ wallMs, counter }: HybridTime): HybridTime {
  if (counter < COUNTER_MAX) return { wallMs, counter: counter + 1 };
  // At the end of the last millisecond it stands still: that is the year 10889.
  return wallMs < WALL_MS_MAX ? { wallMs: wallMs + 1, counter: 0 } : { wallMs, counter };
}

/** A clock that says nonsense is one that has not moved on. */
function wholeOf(wall: WallMs): number {
  return wall > 0 && wall <= WALL_MS_MAX ? Math.floor(wall) : 0;
}
