/**
 * A rate share at its holder, in whole numbers: tokens, and a fraction of one in parts of the unit's
 * milliseconds. Nothing is ever rounded away, so no rate drifts however often it is asked.
 *
 * It begins empty. Were it to begin full, burst capacity that moves from one holder to another would be
 * spent by both, and the sum of bursts would bound nothing.
 */
export class TokenBucket {
  readonly #unitMs: number;
  #rate: number;
  #burst: number;
  #tokens = 0;
  /** In [0, unitMs): parts of the next token. */
  #fraction = 0;
  #at: number;

  /** `rate` per `unitMs` and `burst` are whole, below 2^32; `unitMs` a day at most; `at` whole ms. */
  constructor(unitMs: number, { rate, burst }: RateShareSize, at: number) {
    this.#unitMs = unitMs;
    this.#rate = rate;
    this.#burst = burst;
    this.#at = at;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get size(): RateShareSize {
    return { rate: this.#rate, burst: this.#burst };
  }

  get rate(): number {
    return this.#rate;
  }

  get burst(): number {
    return this.#burst;
  }

  /** Takes `hits` tokens or none. Time that goes back counts as standing still. */
  take(hits: number, at: number): boolean {
    this.#fill(at);
    if (hits > this.#tokens) return false;
    this.#tokens -= hits;
    return true;
  }

  /** Puts tokens back that were taken; what the bucket does not hold is lost. */
  give(hits: number, at: number): void {
    this.#fill(at);
    this.#tokens += hits;
    this.#cap();
  }

  /** Until now the old size held; from now on this one. */
  resize({ rate, burst }: RateShareSize, at: number): void {
    this.#fill(at);
    this.#rate = rate;
    this.#burst = burst;
    this.#cap();
  }

  /** Begins anew: for a share that was not valid for a while. */
  empty(at: number): void {
    this.#tokens = 0;
    this.#fraction = 0;
    this.#at = at;
  }

  /** Milliseconds from its last filling until it holds `hits`; Infinity when it never will. */
  msUntil(hits: number): number {
    const missing = hits - this.#tokens;
    if (missing <= 0) return 0;
    if (hits > this.#burst || this.#rate === 0) return Infinity;
    return Math.ceil((missing * this.#unitMs - this.#fraction) / this.#rate);
  }

  #fill(at: number): void {
    const elapsed = at - this.#at;
    if (elapsed <= 0) return;
    this.#at = at;
    const rest = elapsed % this.#unitMs;
    const wholeUnits = (elapsed - rest) / this.#unitMs;
    // rate = perMs × unitMs + parts keeps each product below 2^53, for units up to a day.
    const parts = this.#rate % this.#unitMs;
    const perMs = (this.#rate - parts) / this.#unitMs;
    const fraction = rest * parts + this.#fraction;
    this.#fraction = fraction % this.#unitMs;
    const gained = rest * perMs + (fraction - this.#fraction) / this.#unitMs;
    this.#tokens += Math.min(this.#burst, wholeUnits * this.#rate + gained);
    this.#cap();
  }

  #cap(): void {
    if (this.#tokens < this.#burst) return;
    this.#tokens = this.#burst;
    this.#fraction = 0;
  }
}

/** A holder's part of a rate quota: hits per unit, and hits at once. Whole. */
export interface RateShareSize {
  readonly rate: number;
  readonly burst: number;
}
