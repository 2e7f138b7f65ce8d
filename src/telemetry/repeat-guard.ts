/**
 * Keeps a message that comes by the thousand from flooding the log: of one message text only so
 * many pass in a second, and the next that passes says how many did not.
 */
import type { WallMs } from '../core/time.ts';

/** Of one message, in one second: enough to see a burst, too few to fill a disk. */
export const MESSAGES_PER_SECOND_MAX = 10;
/** Message texts watched at a time. Texts are constants of the program, so they are far fewer. */
const TEXTS_MAX = 256;
const WINDOW_MS = 1000;
/** Texts beyond TEXTS_MAX share one allowance. */
const SHARED_TEXT = '';

interface Watch {
  startMs: WallMs;
  passed: number;
  suppressed: number;
}

export class RepeatGuard {
  readonly #watches = new Map<string, Watch>();
  /** All messages ever left out. */
  suppressedCount = 0;

  /**
   * -1: leave it out. Else it passes, and so many like it were left out since the last that did.
   */
  admit(message: string, now: WallMs): number {
    const watch = this.#watchOf(message, now);
    if (now - watch.startMs >= WINDOW_MS || now < watch.startMs) {
      watch.startMs = now;
      watch.passed = 0;
    }
    if (watch.passed >= MESSAGES_PER_SECOND_MAX) {
      watch.suppressed += 1;
      this.suppressedCount += 1;
      return -1;
    }
    watch.passed += 1;
    const { suppressed } = watch;
    watch.suppressed = 0;
    return suppressed;
  }

  /** Messages with some left out that no later one told of; they are then forgotten. */
  takeUntold(): [message: string, suppressed: number][] {
    const untold: [string, number][] = [];
    for (const [message, watch] of this.#watches) {
      if (watch.suppressed > 0) untold.push([message, watch.suppressed]);
      watch.suppressed = 0;
    }
    return untold;
  }

  #watchOf(message: string, now: WallMs): Watch {
    const known = this.#watches.get(message);
    if (known !== undefined) return known;
    if (this.#watches.size >= TEXTS_MAX) this.#forgetIdle(now);
    const text = this.#watches.size >= TEXTS_MAX ? SHARED_TEXT : message;
    const shared = this.#watches.get(text);
    if (shared !== undefined) return shared;
    const watch = { startMs: now, passed: 0, suppressed: 0 };
    this.#watches.set(text, watch);
    return watch;
  }

  /** Whoever has something untold stays, until it is told. */
  #forgetIdle(now: WallMs): void {
    for (const [message, watch] of this.#watches) {
      if (now - watch.startMs >= WINDOW_MS && watch.suppressed === 0) this.#watches.delete(message);
    }
  }
}
