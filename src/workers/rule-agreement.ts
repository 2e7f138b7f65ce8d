/**
 * One rule set for all workers: a new one is sent to each, compiled by each, and put in force by all
 * at once when the last is ready. For the time of one message between two processes some answer by
 * the old set and some by the new. A worker that is not ready in time does not keep the others: it
 * follows when it is, and the metric of the smallest version shows it.
 */
import type { DurationMs } from '../core/time.ts';
import { type KeptSet, NO_RULES } from './kept-rules.ts';

/** 100,000 rules compile in a second on an idle core. Longer than a worker may hang. */
const AGREE_MS_MAX = 10_000;

/** A worker, as far as rules go. */
export interface RuleTaker {
  /** Sends what it lacks of the set; it answers with `ready`. */
  sendRules(set: KeptSet): void;
  commit(version: number): void;
}

export interface AgreementOptions {
  /** All workers that were ready have the set in force; `late` others have not yet. */
  readonly onAgreed: (version: number, late: number) => void;
  readonly agreeMsMax?: DurationMs;
}

export class RuleAgreement {
  readonly #options: AgreementOptions;
  /** Workers, and the newest version each is ready for; -1 for none. */
  readonly #ready = new Map<RuleTaker, number>();
  #target: KeptSet = NO_RULES;
  /** Came while another was agreed on; a newer one takes its place. */
  #next: KeptSet | null = null;
  #isAgreed = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AgreementOptions) {
    this.#options = options;
  }

  /** A new set for all. */
  offer(set: KeptSet): void {
    if (!this.#isAgreed) {
      this.#next = set;
      return;
    }
    this.#target = set;
    this.#isAgreed = false;
    this.#timer = setTimeout(() => this.#agree(), this.#options.agreeMsMax ?? AGREE_MS_MAX);
    for (const worker of this.#ready.keys()) worker.sendRules(set);
    this.#check();
  }

  join(worker: RuleTaker): void {
    this.#ready.set(worker, -1);
    worker.sendRules(this.#target);
  }

  leave(worker: RuleTaker): void {
    this.#ready.delete(worker);
    this.#check();
  }

  ready(worker: RuleTaker, version: number): void {
    this.#ready.set(worker, version);
    if (version !== this.#target.version) return;
    if (this.#isAgreed) worker.commit(version);
    else this.#check();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    if (this.#isAgreed) return;
    const { version } = this.#target;
    if ([...this.#ready.values()].every((each) => each === version)) this.#agree();
  }

  #agree(): void {
    clearTimeout(this.#timer);
    this.#isAgreed = true;
    const { version } = this.#target;
    let late = 0;
    for (const [worker, ready] of this.#ready) {
      if (ready === version) worker.commit(version);
      else late += 1;
    }
    this.#options.onAgreed(version, late);
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.offer(next);
  }
}
