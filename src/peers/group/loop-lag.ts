/** How late this process's timers are: the worst of late, forgotten by a tenth with each look. */
import type { DurationMs, MonotonicMs } from '../../core/time.ts';

const LOOK_MS = 100;
const KEPT = 0.9;

export class LoopLag {
  readonly #monotonic: () => MonotonicMs;
  #timer: NodeJS.Timeout | undefined;
  #expectedAt: MonotonicMs = 0;
  #lagMs: DurationMs = 0;

  constructor(monotonic: () => MonotonicMs) {
    this.#monotonic = monotonic;
  }

  get ms(): DurationMs {
    return this.#lagMs;
  }

  start(): void {
    this.#expectedAt = this.#monotonic() + LOOK_MS;
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.#monotonic();
    this.#lagMs = Math.max(now - this.#expectedAt, this.#lagMs * KEPT, 0);
    this.#expectedAt = now + LOOK_MS;
  }
}
