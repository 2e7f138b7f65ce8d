/**
 * Calls that a server has acknowledged, so that it shows when one does not know of them any more: the
 * new primary of a failover lacks what the old one had not replicated yet, a server that is back from
 * its disk what was not written. The calls of a client are kept with the counters, under its sequence key,
 * and reach replica and disk in the same order; each reply tells the last that there were. So what was
 * acknowledged after those is missing, with its hits: exactly, as far back as calls are remembered here.
 * Only when two replicas are promoted in turn, the second may have what was missing at the first.
 *
 * A server that knows of no call at all has lost its data, or evicted the key: nobody can tell how many
 * hits that is. It is only counted how often.
 */
import type { DurationMs, MonotonicMs } from '../../core/time.ts';

/** Those of some seconds, beyond any lag that a replica may have and still be promoted. */
const REMEMBERED_MAX = 65_536;
const REMEMBERED_FIRST = 1024;
/** The script's key has gone by then: less than SEQUENCE_SECONDS. */
const KEPT_MS: DurationMs = 590_000;

/** What a reply says of its call and of those before it. */
export interface CallHeard {
  readonly number: number;
  /** Hits that it added. */
  readonly hits: number;
  /** Numbers of the last calls made before it, newest first, 0 for none. */
  readonly made: readonly number[];
}

/** Of the hits and calls of this process. */
export interface CallsLost {
  /** Hits acknowledged that the server does not know of any more. */
  readonly lostHits: number;
  /** Times that a server knew of no call at all. */
  readonly forgotten: number;
}

/** Of a bin. */
interface Last {
  number: number;
  at: MonotonicMs;
}

export class AcknowledgedCalls implements CallsLost {
  lostHits = 0;
  forgotten = 0;
  /** The last acknowledged by bin. */
  readonly #last = new Map<number, Last>();
  /** A ring of those remembered, which grows while it is too small. */
  #bins = new Uint16Array(REMEMBERED_FIRST);
  #numbers = new Float64Array(REMEMBERED_FIRST);
  #hits = new Float64Array(REMEMBERED_FIRST);
  /** Calls ever remembered. */
  #count = 0;

  /** `hits` of 0: a call that added none, or came too late. */
  heard(bin: number, call: CallHeard, now: MonotonicMs): void {
    const last = this.#last.get(bin);
    // Of two servers that the bin moved between the earlier may be heard later.
    if (last !== undefined && last.number < call.number) this.#compare(bin, call, last, now);
    if (call.hits === 0) return;
    if (last === undefined) this.#last.set(bin, { number: call.number, at: now });
    else {
      last.number = Math.max(last.number, call.number);
      last.at = now;
    }
    this.#remember(bin, call);
  }

  #compare(bin: number, { made }: CallHeard, last: Last, now: MonotonicMs): void {
    const newest = made[0] ?? 0;
    if (newest >= last.number) return;
    if (newest > 0) this.lostHits += this.#forgetAfter(newest, bin);
    else if (now - last.at < KEPT_MS) this.forgotten += 1;
    last.number = newest;
  }

  #remember(bin: number, { number, hits }: CallHeard): void {
    if (this.#count === this.#bins.length && this.#count < REMEMBERED_MAX) this.#grow();
    const at = this.#count % this.#bins.length;
    this.#bins[at] = bin;
    this.#numbers[at] = number;
    this.#hits[at] = hits;
    this.#count += 1;
  }

  #grow(): void {
    const size = 2 * this.#bins.length;
    const [bins, numbers, hits] = [this.#bins, this.#numbers, this.#hits];
    this.#bins = new Uint16Array(size);
    this.#numbers = new Float64Array(size);
    this.#hits = new Float64Array(size);
    this.#bins.set(bins);
    this.#numbers.set(numbers);
    this.#hits.set(hits);
  }

  /** Hits of the bin's calls after `number`, each counted once. */
  #forgetAfter(number: number, bin: number): number {
    const size = this.#bins.length;
    let sum = 0;
    for (let call = this.#count - 1; call >= Math.max(0, this.#count - size); call -= 1) {
      const at = call % size;
      if (this.#bins[at] !== bin) continue;
      if ((this.#numbers[at] as number) <= number) break;
      sum += this.#hits[at] as number;
      this.#hits[at] = 0;
    }
    return sum;
  }
}
