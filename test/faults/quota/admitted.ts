/**
 * What callers were admitted, against what a limit allows: by their own clock, and by what each of them can
 * know. A decision fell somewhere between the sending of its call and its answer, so in a span of time fell
 * at least those whose calls were sent and answered within it. That is never too many for the fault of a
 * client, or a network, that was slow.
 */
export interface Spanned {
  readonly sentMs: number;
  readonly answeredMs: number;
}

/**
 * The most by which any span of time saw more decisions than `perMs` × its length: what a burst must have
 * given. O(n log n).
 */
export function greatestExcess(decisions: readonly Spanned[], perMs: number): number {
  const starts = Float64Array.from(decisions, ({ sentMs }) => sentMs).sort();
  // For each start: decisions within the span from there to now, less what the rate gives from 0 to it.
  const spans = new MaxTree(starts, (startMs) => perMs * startMs);
  let greatest = 0;
  const byEnd = decisions.toSorted((a, b) => a.answeredMs - b.answeredMs);
  for (const { sentMs, answeredMs } of byEnd) {
    // It lies in all spans that begin at its sending or before, and end now.
    spans.addUpTo(lastAtMost(starts, sentMs), 1);
    const begun = spans.maxUpTo(lastAtMost(starts, answeredMs));
    greatest = Math.max(greatest, begun - perMs * answeredMs);
  }
  return greatest;
}

/** Decisions by the second in which they were answered, from `fromMs` on, whole seconds to `toMs`. */
export function perSecond(decisions: Iterable<Spanned>, fromMs: number, toMs: number): number[] {
  const counts = new Array<number>(Math.max(0, Math.floor((toMs - fromMs) / 1000))).fill(0);
  for (const { answeredMs } of decisions) {
    const second = Math.floor((answeredMs - fromMs) / 1000);
    if (second >= 0 && second < counts.length) counts[second] = (counts[second] as number) + 1;
  }
  return counts;
}

/** Place of the last value that is not above `bound`; the values ascend. */
function lastAtMost(values: Float64Array, bound: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= bound) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Values in a row: adds to all up to a place, and tells the greatest up to a place. */
class MaxTree {
  /** Node n has the children 2n and 2n + 1; the values are the leaves from `#leaves` on. */
  readonly #leaves: number;
  /** The greatest below a node, with what was added to the node itself. */
  readonly #most: Float64Array;
  readonly #added: Float64Array;

  constructor(values: Float64Array, first: (value: number) => number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, values.length)));
    this.#most = new Float64Array(2 * this.#leaves).fill(Number.NEGATIVE_INFINITY);
    this.#added = new Float64Array(2 * this.#leaves);
    for (const [at, value] of values.entries()) this.#most[this.#leaves + at] = first(value);
    for (let node = this.#leaves - 1; node > 0; node -= 1) this.#gather(node);
  }

  addUpTo(last: number, more: number): void {
    this.#add(1, this.#leaves, last, more);
  }

  maxUpTo(last: number): number {
    return this.#max(1, this.#leaves, last);
  }

  /** `width`: leaves below the node, the first of which is 0 here. */
  #add(node: number, width: number, last: number, more: number): void {
    if (last < 0) return;
    if (last >= width - 1) {
      this.#most[node] = (this.#most[node] as number) + more;
      this.#added[node] = (this.#added[node] as number) + more;
      return;
    }
    const half = width / 2;
    this.#add(2 * node, half, last, more);
    this.#add(2 * node + 1, half, last - half, more);
    this.#gather(node);
  }

  #max(node: number, width: number, last: number): number {
    if (last < 0) return Number.NEGATIVE_INFINITY;
    if (last >= width - 1) return this.#most[node] as number;
    const half = width / 2;
    const left = this.#max(2 * node, half, last);
    const right = this.#max(2 * node + 1, half, last - half);
    return Math.max(left, right) + (this.#added[node] as number);
  }

  #gather(node: number): void {
    const [left, right] = [this.#most[2 * node] as number, this.#most[2 * node + 1] as number];
    this.#most[node] = Math.max(left, right) + (this.#added[node] as number);
  }
}
