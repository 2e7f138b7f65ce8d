/** Which counters are hot in this replica, found in bounded memory (core/quota/heat.ts). */
import { HeatSketch } from '../../core/quota/heat.ts';

/** Counters with more than a 1/2048 part of all hits are seen, however many there are. */
const SKETCH_KEYS = 2048;
/**
 * Counts are halved once a second, so a steady rate comes to twice of it in the end, and to 1.5 times of it after
 * the second second: a key that is hot for so long is no accident.
 */
const SECONDS_OF_HEAT = 1.5;

export class HotKeys {
  readonly #sketch = new HeatSketch(SKETCH_KEYS);
  readonly #countMin: number;

  /** `perSecond`: from which a key is hot. */
  constructor(perSecond: number) {
    this.#countMin = perSecond * SECONDS_OF_HEAT;
  }

  record(key: string, hits: number): void {
    this.#sketch.record(key, hits);
  }

  /** Ends a second: those that are hot, hottest first. */
  endSecond(): string[] {
    const hot = this.#sketch.atLeast(this.#countMin).map(({ key }) => key);
    this.#sketch.decay();
    return hot;
  }
}
