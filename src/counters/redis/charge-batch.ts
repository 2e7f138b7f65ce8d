/**
 * A batch: the charges of many groups, as one call of charge.lua.
 *
 * Charges of one counter become a run as long as they only add, or only give back (peeks fit into
 * both): one number on the way out, one back, dealt out in order from the count before the run, so
 * every charge reads what one-by-one calls would have told it. Runs of one counter keep their
 * order.
 *
 * Order: all groups that are charged whatever the others say, as given; then, as given, the vectors:
 * groups whose charges depend on one another, or that carry a request's id. All groups of a batch are unanswered at the same
 * time, so any order of whole groups is one that calls sent at that time could have been served in.
 */
import { isUnit, msUntilReset, UNIT_SECONDS, type Unit } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  COUNT_MAX,
  type StoreFailure,
} from '../../limiter/counter-store.ts';
import { addHits, countAfter, NO_UNIT } from '../count.ts';
import { isDependent } from '../groups.ts';
import { boundedKey, type KeyPlan, sentKey, sentRequestKey } from './counter-key.ts';
import { failureOf } from './redis-errors.ts';
import { ScriptReply } from './script-reply.ts';

/** Which way a run counts. A run of peeks alone may still become either. */
const Way = { READ: 0, ADD: 1, TAKE: 2, VECTOR: 3 } as const;
type Way = (typeof Way)[keyof typeof Way];

interface Run {
  /** As it is sent, but for the start of the window that the reference's format appends. */
  readonly key: string;
  way: Way;
  /** Sum of the run's hits. */
  hits: number;
  /** From the reply: the count before the next charge to deal out. */
  count: number;
  /** From the reply, of a vector's charge: the count after it. */
  after: number;
  failure: StoreFailure | null;
}

/** What a call says besides its charges. */
export interface CallHead {
  /** By the server's clock; null: made whenever it arrives. */
  readonly deadline: WallMs | null;
  /** Which of the client's calls it is; null for one that charges nothing. */
  readonly sequence: { readonly key: string; readonly number: number } | null;
}

/** What became of a batch. `made` are the last calls that were. */
export interface BatchOutcome {
  readonly kind: 'made' | 'late' | 'overtaken';
  /** The server's clock. */
  readonly clock: WallMs;
  readonly made: readonly number[];
  /** Texts of the errors that single counters met. */
  readonly errors: readonly string[];
}

/** Calls that the script remembers as made. */
const MADE = 8;
/** Numbers before those of the charges: the clock, what became of the batch, the calls made. */
const HEAD_INTEGERS = 2 + MADE;

export class ChargeBatch {
  readonly #keys: KeyPlan;
  /** The run of each charge, in the order of groups and charges. */
  readonly #runs: Run[] = [];
  /** How many of `#runs` were dealt out. */
  #dealt = 0;
  /**
   * The run that a further charge of the key may join. By unit, since keys of the reference format
   * do not tell it; and by bounded keys, since long ones are slow to compare.
   */
  readonly #open: readonly Map<string, Run>[] = UNIT_SECONDS.map(() => new Map());
  /** Runs by unit, in order; the script gets them so. */
  readonly #sections: Run[][] = UNIT_SECONDS.map(() => []);
  readonly #vectors: ChargeGroup[] = [];
  readonly #vectorRuns: Run[] = [];
  /** Milliseconds until reset by unit, from the reply. */
  readonly #resets: number[] = UNIT_SECONDS.map(() => 0);

  /** True while it only reads. */
  isPeek = true;
  /** Hits that counters have more, from the reply. A request that was a repeat counts as well. */
  hitsAdded = 0;

  constructor(keys: KeyPlan) {
    this.#keys = keys;
  }

  add(group: ChargeGroup): void {
    const charges = group.charges;
    if (isDependent(group) || group.requestId !== '') {
      this.#addVector(group);
      return;
    }
    for (let index = 0; index < charges.length; index += 1) {
      this.#runs.push(this.#runOf(charges[index] as Charge));
    }
  }

  #addVector(group: ChargeGroup): void {
    const isSound = group.charges.every(({ unit }) => isUnit(unit));
    if (isSound) this.#vectors.push(group);
    this.isPeek = false;
    for (const { key } of group.charges) {
      const run = newRun(this.#keys.format === 'exact' ? boundedKey(key) : key, Way.VECTOR, 0);
      this.#runs.push(run);
      if (isSound) this.#vectorRuns.push(run);
      else run.failure = NO_UNIT;
    }
  }

  #runOf(charge: Charge): Run {
    const { key, hits, unit } = charge;
    const way = hits === 0 ? Way.READ : charge.isRefund ? Way.TAKE : Way.ADD;
    if (way !== Way.READ) this.isPeek = false;
    const bounded = boundedKey(key);
    const open = this.#open[unit]?.get(bounded);
    if (open === undefined || (open.way !== way && open.way !== Way.READ && way !== Way.READ)) {
      return this.#newRunOf(charge, way, bounded);
    }
    if (open.way === Way.READ) open.way = way;
    open.hits = addHits(open.hits, hits);
    return open;
  }

  #newRunOf({ key, hits, unit }: Charge, way: Way, bounded: string): Run {
    const run = newRun(this.#keys.format === 'exact' ? bounded : key, way, hits);
    if (isUnit(unit)) {
      (this.#open[unit] as Map<string, Run>).set(bounded, run);
      (this.#sections[unit] as Run[]).push(run);
    } else {
      run.failure = NO_UNIT;
    }
    return run;
  }

  /** KEYS and ARGV of the script, after their number. */
  encode({ deadline, sequence }: CallHead): (string | number)[] {
    const out: (string | number)[] = sequence === null ? [0] : [0, sequence.key];
    const sections = this.#sections;
    for (let unit = 1; unit < sections.length; unit += 1) {
      for (const run of sections[unit] as Run[]) out.push(sentKey(run.key, unit, this.#keys));
    }
    this.#encodeVectorKeys(out);
    out[0] = out.length - 1;
    out.push(deadline ?? '', sequence?.number ?? '');
    this.#encodeRuns(out);
    this.#encodeVectors(out);
    return out;
  }

  #encodeVectorKeys(out: (string | number)[]): void {
    let at = 0;
    for (const group of this.#vectors) {
      for (const { unit } of group.charges) {
        const { key } = this.#vectorRuns[at] as Run;
        out.push(sentKey(key, unit, this.#keys));
        at += 1;
      }
      if (group.requestId !== '') out.push(sentRequestKey(group, this.#keys));
    }
  }

  #encodeRuns(out: (string | number)[]): void {
    const used = this.#sections.filter((runs) => runs.length > 0);
    out.push(this.#keys.format === 'exact' ? '' : this.#keys.jitterSeconds, used.length);
    for (const [unit, runs] of this.#sections.entries()) {
      if (runs.length > 0) out.push(UNIT_SECONDS[unit] as number, runs.length);
    }
    for (const runs of used) {
      for (const run of runs) out.push(run.way === Way.TAKE ? -run.hits : run.hits);
    }
  }

  #encodeVectors(out: (string | number)[]): void {
    out.push(this.#vectors.length);
    for (const { charges, policy, requestId } of this.#vectors) {
      out.push(charges.length, policy, requestId === '' ? 0 : 1);
      for (const { unit, hits, isRefund, isBinding, limit } of charges) {
        const isFree = isRefund || (policy === ChargePolicy.ALL_OR_NOTHING && !isBinding);
        const limitOrNone = isFree ? COUNT_MAX : limit;
        out.push(UNIT_SECONDS[unit] as number, isRefund ? -hits : hits, limitOrNone);
      }
    }
  }

  /** Takes in the script's reply; null when it is none, and nothing may be dealt out. */
  read(reply: unknown): BatchOutcome | null {
    const runs = this.#sections.reduce((sum, its) => sum + its.length, 0);
    const kind = kindOf(reply);
    const integers = kind === 'made' ? runs + 2 * this.#vectorRuns.length : 0;
    const numbers = new ScriptReply(reply, HEAD_INTEGERS + integers);
    const clock = numbers.count();
    numbers.skip();
    const made = Array.from({ length: MADE }, () => numbers.count());
    const { errors } = numbers;
    if (kind === 'made') this.#readCounts(numbers, clock);
    return numbers.isSound && kind !== null ? { kind, clock, made, errors } : null;
  }

  #readCounts(numbers: ScriptReply, clock: WallMs): void {
    this.#readResets(this.#keys.format === 'exact' ? clock : this.#keys.now);
    for (const section of this.#sections) {
      for (const run of section) {
        take(run, numbers.countOrError(), numbers.errors);
        if (run.way === Way.ADD && run.failure === null) this.hitsAdded += run.hits;
      }
    }
    for (const run of this.#vectorRuns) {
      const before = numbers.countOrError();
      take(run, before, numbers.errors);
      if (before < 0) numbers.skip();
      else run.after = numbers.count();
    }
    this.#addVectorHits();
  }

  #addVectorHits(): void {
    let at = 0;
    for (const { charges, policy } of this.#vectors) {
      const runs = this.#vectorRuns.slice(at, at + charges.length);
      at += charges.length;
      const isOver = ({ after }: Run, index: number): boolean => {
        const { isBinding, isRefund, limit } = charges[index] as Charge;
        return isBinding && !isRefund && after > limit;
      };
      // Refused whole: those that are over read as if they had been made.
      if (policy === ChargePolicy.ALL_OR_NOTHING && runs.some(isOver)) continue;
      for (const { count, after } of runs) this.hitsAdded += Math.max(0, after - count);
    }
  }

  #readResets(now: WallMs): void {
    for (let unit = 1; unit < this.#resets.length; unit += 1) {
      this.#resets[unit] = msUntilReset(unit as Unit, now);
    }
  }

  /**
   * Writes the readings of the group whose turn it is; what it fails with, or null. Into a group that
   * has left nothing is written: its caller was answered, and may use it again.
   */
  deal({ charges }: ChargeGroup, hasLeft: boolean): StoreFailure | null {
    let failure: StoreFailure | null = null;
    for (let index = 0; index < charges.length; index += 1) {
      const charge = charges[index] as Charge;
      const run = this.#runs[this.#dealt] as Run;
      this.#dealt += 1;
      failure ??= run.failure;
      const before = run.count;
      run.count = run.way === Way.VECTOR ? run.after : countAfter(before, charge);
      if (hasLeft) continue;
      charge.before = before;
      charge.after = run.count;
      charge.resetMs = this.#resets[charge.unit] as number;
    }
    return failure;
  }

  /** Of the group dealt out last, which failed: whether none of its charges was made. */
  wasNothingMade({ charges }: ChargeGroup): boolean {
    const its = this.#runs.slice(this.#dealt - charges.length, this.#dealt);
    return its.every(({ failure }) => failure !== null);
  }
}

/** By the second number of a reply. */
function kindOf(reply: unknown): BatchOutcome['kind'] | null {
  const second: unknown = Array.isArray(reply) ? reply[1] : null;
  if (second === 0) return 'made';
  if (second === 1) return 'late';
  return second === 2 ? 'overtaken' : null;
}

function newRun(key: string, way: Way, hits: number): Run {
  return { key, way, hits, count: 0, after: 0, failure: null };
}

function take(run: Run, before: number, errors: readonly string[]): void {
  if (before < 0) run.failure = failureOf(errors[-before - 1] ?? '');
  else run.count = before;
}
