/**
 * Which keys are hot, in bounded memory: the space-saving sketch (Metwally, Agrawal, El Abbadi, 2005).
 * A key that is not among the m counters takes over the smallest, count and all. Hence, after n hits:
 * no count is too low, none is too high by more than n/m, and every key with more than n/m is there.
 * Counts are halved at the end of each window, so that heat of the past fades; the bounds then hold for
 * the faded n.
 */
export interface HotKey {
  readonly key: string;
  /** Never below the true count. */
  readonly count: number;
  /** The true count is at least `count - error`. */
  readonly error: number;
}

interface Counter {
  key: string;
  count: number;
  error: number;
  /** Its place in the heap. */
  at: number;
}

export class HeatSketch {
  readonly #size: number;
  readonly #byKey = new Map<string, Counter>();
  /** A binary heap, smallest count first. */
  readonly #heap: Counter[] = [];
  #total = 0;

  /** `size` is m: keys with more than a 1/m part of the hits are found. */
  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1)
      throw new RangeError(`a sketch of ${size} counters`);
    this.#size = size;
  }

  /** All hits, faded as the counts are. */
  get total(): number {
    return this.#total;
  }

  record(key: string, hits: number): void {
    this.#total += hits;
    const known = this.#byKey.get(key);
    if (known !== undefined) this.#raise(known, hits);
    else if (this.#heap.length < this.#size) this.#add({ key, count: hits, error: 0, at: 0 });
    else this.#takeOver(key, hits);
  }

  /** Keys whose true count is at least `min` for sure, hottest first. */
  atLeast(min: number): HotKey[] {
    return this.#heap
      .filter(({ count, error }) => count - error >= min)
      .map(({ key, count, error }) => ({ key, count, error }))
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
  }

  /** null when the key has no counter: its count is then at most n/m. */
  countOf(key: string): HotKey | null {
    const counter = this.#byKey.get(key);
    return counter ? { key, count: counter.count, error: counter.error } : null;
  }

  /** Ends a window: all counts are halved, which keeps their order. */
  decay(): void {
    this.#total /= 2;
    for (const counter of this.#heap) {
      counter.count /= 2;
      counter.error /= 2;
    }
  }

  #add(counter: Counter): void {
    counter.at = this.#heap.length;
    this.#heap.push(counter);
    this.#byKey.set(counter.key, counter);
    this.#rise(counter);
  }

  #takeOver(key: string, hits: number): void {
    const smallest = this.#heap[0] as Counter;
    this.#byKey.delete(smallest.key);
    this.#byKey.set(key, smallest);
    smallest.key = key;
    smallest.error = smallest.count;
    this.#raise(smallest, hits);
  }

  #raise(counter: Counter, hits: number): void {
    counter.count += hits;
    for (;;) {
      const left = this.#heap[2 * counter.at + 1];
      const right = this.#heap[2 * counter.at + 2];
      const smaller = right && left && right.count < left.count ? right : left;
      if (!smaller || smaller.count >= counter.count) return;
      this.#swap(counter, smaller);
    }
  }

  #rise(counter: Counter): void {
    while (counter.at > 0) {
      const parent = this.#heap[(counter.at - 1) >> 1] as Counter;
      if (parent.count <= counter.count) return;
      this.#swap(counter, parent);
    }
  }

  #swap(a: Counter, b: Counter): void {
    const at = a.at;
    this.#heap[b.at] = a;
    this.#heap[at] = b;
    a.at = b.at;
    b.at = at;
  }
}
