/**
 * What a load's calls came to: a few numbers per call in arrays made beforehand, and what tests ask of
 * them. It may be read while the load runs.
 *
 * Times are those of `performance.now()`. A latency counts from when the call was due, so that a
 * generator or a service that falls behind cannot hide it; or, asked so, from when it was sent.
 */

/** How a call ended, beside a gRPC status that is not OK. */
const ENDS = [
  /** Due, and not sent: the server took no more calls. */
  'unsent',
  /** Sent, and not answered yet, or ever. */
  'unanswered',
  'OK',
  'OVER_LIMIT',
  /** An answer without a message, or with one that has no code. */
  'UNKNOWN',
  /** The stream was reset by the server. */
  'reset',
  /** The connection went away. */
  'lost',
] as const;
type End = (typeof ENDS)[number];
export type Outcome = End | `status ${number}`;

/** A gRPC status stands beyond the ends. */
const STATUS_FROM = 100;
/** Reasons of degraded answers that differ; the service has a handful. */
const REASONS_MAX = 255;

export interface Answer {
  /** Which call, counted from 0 in the order in which they were due. */
  readonly call: number;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly outcome: Outcome;
  /** Value of x-ratelimit-degraded; null when there was none. */
  readonly degraded: string | null;
}

/** A span in which this process did not come to look at its timer: its own delay, not the service's. */
export interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

export interface Summary {
  readonly due: number;
  /** Adds up to `due`. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** Calls by the reason that their answers gave; those without one are not among them. */
  readonly degraded: Readonly<Record<string, number>>;
  /** Milliseconds, of all calls that ended. */
  readonly fromDue: Percentiles;
  readonly fromSent: Percentiles;
  readonly stalls: { readonly count: number; readonly longestMs: number; readonly totalMs: number };
}

type From = 'due' | 'sent';
type OffMs = (fromMs: number, toMs: number) => number;

export class LoadReport {
  readonly stalls: Stall[] = [];
  readonly #everyMs: number;
  readonly #sentMs: Float64Array;
  readonly #answeredMs: Float64Array;
  readonly #ends: Uint16Array;
  readonly #reasons: string[] = [];
  /** Place of the reason, from 1; 0 is none. */
  readonly #degraded: Uint8Array;
  #startMs = Number.NaN;
  #due: number;

  /** A call is due each `everyMs`, `callsMax` in all, from `begin` on. */
  constructor(everyMs: number, callsMax: number) {
    this.#everyMs = everyMs;
    this.#due = callsMax;
    this.#sentMs = new Float64Array(callsMax).fill(Number.NaN);
    this.#answeredMs = new Float64Array(callsMax).fill(Number.NaN);
    this.#ends = new Uint16Array(callsMax);
    this.#degraded = new Uint8Array(callsMax);
  }

  begin(atMs: number): void {
    this.#startMs = atMs;
  }

  /** When the first call was due. */
  get startMs(): number {
    return this.#startMs;
  }

  /** Calls that the whole load makes. */
  get due(): number {
    return this.#due;
  }

  dueMs(call: number): number {
    return this.#startMs + call * this.#everyMs;
  }

  /** The load ends early: calls from this one on were never due. */
  cutShort(due: number): void {
    this.#due = due;
  }

  sent(call: number, atMs: number): void {
    this.#sentMs[call] = atMs;
    this.#ends[call] = ENDS.indexOf('unanswered');
  }

  /** What the message says; the call ends with `ended`. */
  said(call: number, code: number, degraded: string | null): void {
    const end = code === 1 ? 'OK' : code === 2 ? 'OVER_LIMIT' : 'UNKNOWN';
    this.#ends[call] = ENDS.indexOf(end);
    if (degraded !== null) this.#degraded[call] = this.#placeOf(degraded);
  }

  /** `end` is a gRPC status, or what took its place. The status OK stands for what the message said. */
  ended(call: number, atMs: number, end: 'reset' | 'lost' | number): void {
    this.#answeredMs[call] = atMs;
    if (typeof end === 'string') this.#ends[call] = ENDS.indexOf(end);
    else if (end !== 0) this.#ends[call] = STATUS_FROM + end;
    else if (this.#ends[call] === ENDS.indexOf('unanswered')) this.said(call, 0, null);
  }

  hasEnded(call: number): boolean {
    return !Number.isNaN(this.#answeredMs[call]);
  }

  answer(call: number): Answer {
    const reason = this.#degraded[call] as number;
    return {
      call,
      dueMs: this.dueMs(call),
      sentMs: this.#sentMs[call] as number,
      answeredMs: this.#answeredMs[call] as number,
      outcome: outcomeOf(this.#ends[call] as number),
      degraded: reason === 0 ? null : (this.#reasons[reason - 1] as string),
    };
  }

  /** Of the calls that ended at or after `sinceMs` and are so, the one that ended first. */
  first(sinceMs: number, isSo: (answer: Answer) => boolean): Answer | null {
    let found: Answer | null = null;
    for (let call = 0; call < this.#due; call += 1) {
      const atMs = this.#answeredMs[call] as number;
      const isSooner = atMs >= sinceMs && (found === null || atMs < found.answeredMs);
      if (!isSooner) continue;
      const answer = this.answer(call);
      if (isSo(answer)) found = answer;
    }
    return found;
  }

  /** Calls that took longer than `boundMs`, and those that never ended. */
  laterThan(boundMs: number, from: From = 'due'): number {
    return this.#countLate(boundMs, from, () => 0);
  }

  /**
   * The same, when the time in which this process stalled is taken off: calls that are late whoever's
   * fault the stalls were.
   */
  laterThanBesideStalls(boundMs: number, from: From = 'due'): number {
    return this.#countLate(boundMs, from, (startMs, endMs) => this.#stalledMs(startMs, endMs));
  }

  /** Of the calls that are so, the share of which `laterThanBesideStalls` says the same. */
  shareLater(boundMs: number, isSo: (call: number) => boolean): number {
    let [late, all] = [0, 0];
    for (let call = 0; call < this.#due; call += 1) {
      if (!isSo(call)) continue;
      all += 1;
      if (this.#isLate(call, boundMs, 'due', (startMs, endMs) => this.#stalledMs(startMs, endMs))) {
        late += 1;
      }
    }
    return all === 0 ? 0 : late / all;
  }

  summary(): Summary {
    const outcomes: Partial<Record<Outcome, number>> = {};
    const degraded: Record<string, number> = {};
    for (let call = 0; call < this.#due; call += 1) {
      const outcome = outcomeOf(this.#ends[call] as number);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      const place = this.#degraded[call] as number;
      if (place === 0) continue;
      const reason = this.#reasons[place - 1] as string;
      degraded[reason] = (degraded[reason] ?? 0) + 1;
    }
    const spans = this.stalls.map(({ fromMs, toMs }) => toMs - fromMs);
    const totalMs = spans.reduce((sum, each) => sum + each, 0);
    return {
      due: this.#due,
      outcomes,
      degraded,
      fromDue: this.#percentiles('due'),
      fromSent: this.#percentiles('sent'),
      stalls: { count: spans.length, longestMs: Math.max(0, ...spans), totalMs },
    };
  }

  #placeOf(reason: string): number {
    const at = this.#reasons.indexOf(reason);
    if (at >= 0) return at + 1;
    if (this.#reasons.length === REASONS_MAX) throw new Error('too many reasons that differ');
    return this.#reasons.push(reason);
  }

  #begunMs(call: number, from: From): number {
    return from === 'due' ? this.dueMs(call) : (this.#sentMs[call] as number);
  }

  #countLate(boundMs: number, from: From, offMs: OffMs): number {
    let late = 0;
    for (let call = 0; call < this.#due; call += 1) {
      if (this.#isLate(call, boundMs, from, offMs)) late += 1;
    }
    return late;
  }

  /** `offMs`: what is taken off of a span. */
  #isLate(call: number, boundMs: number, from: From, offMs: OffMs): boolean {
    const endMs = this.#answeredMs[call] as number;
    const beginMs = this.#begunMs(call, from);
    // NaN, of a call that never ended, is not within the bound.
    if (endMs - beginMs <= boundMs) return false;
    return !(endMs - beginMs - offMs(beginMs, endMs) <= boundMs);
  }

  #stalledMs(startMs: number, endMs: number): number {
    let sum = 0;
    for (const { fromMs, toMs } of this.stalls) {
      sum += Math.max(0, Math.min(toMs, endMs) - Math.max(fromMs, startMs));
    }
    return sum;
  }

  #percentiles(from: From): Percentiles {
    const took = new Float64Array(this.#due);
    let count = 0;
    for (let call = 0; call < this.#due; call += 1) {
      const each = (this.#answeredMs[call] as number) - this.#begunMs(call, from);
      if (!Number.isNaN(each)) took[count++] = each;
    }
    const sorted = took.subarray(0, count).sort();
    // The smallest value that a share of all do not exceed.
    const at = (share: number): number => sorted[Math.ceil(count * share) - 1] ?? Number.NaN;
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999), p9999: at(0.9999), max: at(1) };
  }
}

function outcomeOf(end: number): Outcome {
  return end >= STATUS_FROM ? `status ${end - STATUS_FROM}` : (ENDS[end] as End);
}
