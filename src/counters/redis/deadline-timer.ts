/**
 * One timer for the earliest of many times. Timers come before sockets: after a stall of ours a reply
 * may lie there that is in time, so the sockets are read first.
 */
import type { MonotonicMs } from '../../core/time.ts';

export class DeadlineTimer {
  readonly #monotonic: () => MonotonicMs;
  readonly #due: () => void;
  #timer: NodeJS.Timeout | null = null;
  /** When it is due; Infinity while it is not armed. */
  #at: MonotonicMs = Infinity;

  /** `due` is called once, and must arm it for what comes next. */
  constructor(monotonic: () => MonotonicMs, due: () => void) {
    this.#monotonic = monotonic;
    this.#due = due;
  }

  /** Does nothing when it is due by then already, or for Infinity. */
  arm(at: MonotonicMs): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(this.#timeUp, Math.max(1, Math.ceil(at - this.#monotonic())));
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#at = Infinity;
  }

  readonly #timeUp = (): void => {
    this.#timer = null;
    setImmediate(this.#expire);
  };

  readonly #expire = (): void => {
    this.#at = Infinity;
    this.#due();
  };
}
