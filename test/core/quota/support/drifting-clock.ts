/** Both clocks of one machine, against true time: they drift, the wall clock is off and may be set, and
 * the monotonic one stands still while the machine sleeps. */
import type { Moment } from '../../../../src/core/quota/lease-clock.ts';

const EPOCH = 1_700_000_000_000;

export class DriftingClock {
  readonly #rate: number;
  readonly #start: number;
  #wallOff: number;
  #slept = 0;
  #asleepSince: number | null = null;

  constructor(rate: number, start: number, wallOff: number) {
    this.#rate = rate;
    this.#start = start;
    this.#wallOff = wallOff;
  }
  at(trueMs: number): Moment {
    const asleep = this.#slept + (this.#asleepSince === null ? 0 : trueMs - this.#asleepSince);
    const at = this.#start + (trueMs - asleep) * this.#rate;
    return { at, wall: EPOCH + this.#wallOff + trueMs * this.#rate };
  }
  setWall(byMs: number): void {
    this.#wallOff += byMs;
  }
  sleep(trueMs: number): void {
    this.#asleepSince ??= trueMs;
  }
  wake(trueMs: number): void {
    this.#slept += trueMs - (this.#asleepSince ?? trueMs);
    this.#asleepSince = null;
  }
}
