/**
 * One machine with one process: its clocks, and whether it can do anything now. A process that is stalled or
 * asleep does everything later, in order; what was meant for a process that died never happens.
 */
import type { Moment } from '../../src/core/quota/lease-clock.ts';
import { DriftingClock } from '../core/quota/support/drifting-clock.ts';
import type { Action, EventQueue } from './event-queue.ts';

export interface ClockSetting {
  /** Milliseconds of the machine's clocks per true one. */
  readonly rate: number;
  readonly start: number;
  readonly wallOff: number;
  /**
   * It may be suspended; else its wall clock may be set. A short suspend beside a wall clock that is set back
   * cannot be told from no suspend at all, by any clock: no machine has both.
   */
  readonly canSleep: boolean;
}

export class Machine {
  readonly index: number;
  readonly name: string;
  readonly #queue: EventQueue;
  readonly #clock: DriftingClock;
  readonly #rate: number;
  readonly canSleep: boolean;
  isUp = false;
  isAsleep = false;
  /** Of its present process; grows with each end of one. */
  life = 0;
  /** True time until which it does nothing. */
  busyUntil = 0;
  #wallMoved = 0;

  constructor(queue: EventQueue, index: number, setting: ClockSetting) {
    const { rate, start, wallOff, canSleep } = setting;
    this.#queue = queue;
    this.index = index;
    this.name = `m${index}`;
    this.#rate = rate;
    this.canSleep = canSleep;
    this.#clock = new DriftingClock(rate, start, wallOff);
  }

  /** Now, by its own clocks. */
  get moment(): Moment {
    return this.#clock.at(this.#queue.now);
  }

  get isBusy(): boolean {
    return this.#queue.now < this.busyUntil;
  }

  /** True time, to the next millisecond, at which its monotonic clock shows `at`, if it does not sleep. */
  trueTimeOf(at: number): number {
    if (at === Infinity) return Infinity;
    const ms = Math.ceil((at - this.moment.at) / this.#rate);
    return this.#queue.now + Math.max(0, ms);
  }

  /** In the process that is there now: at once, or when it can; or never, if it dies before. */
  run(action: Action, life = this.life): void | Promise<void> {
    if (!this.isUp || life !== this.life) return;
    if (!this.isBusy) return action();
    this.#queue.at(this.busyUntil, () => this.run(action, life));
  }

  /** Its process is stopped, or its event loop held up: the clocks go on. */
  stall(ms: number): void {
    this.busyUntil = this.#queue.now + ms;
  }

  /** The whole machine is suspended: the monotonic clock stands still. */
  sleep(ms: number): void {
    this.stall(ms);
    this.isAsleep = true;
    this.#clock.sleep(this.#queue.now);
    const until = this.busyUntil;
    this.#queue.at(until, () => {
      if (this.busyUntil === until) this.wake();
    });
  }

  wake(): void {
    this.busyUntil = Math.min(this.busyUntil, this.#queue.now);
    if (!this.isAsleep) return;
    this.isAsleep = false;
    this.#clock.wake(this.#queue.now);
  }

  moveWall(byMs: number): void {
    this.#wallMoved += byMs;
    this.#clock.setWall(byMs);
  }

  /** As a time service would. */
  correctWall(): void {
    if (this.#wallMoved !== 0) this.moveWall(-this.#wallMoved);
  }
}
