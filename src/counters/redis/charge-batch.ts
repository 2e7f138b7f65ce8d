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
  type CounterName,
  type StoreFailure,
} from '../../limiter/counter-store.ts';
import { addHits, countAfter, NO_UNIT } from '../count.ts';
import { isDependent } from '../groups.ts';
import type { CommandWriter } from './command-writer.ts';
import {
  boundedKey,
  KEY_CHARACTERS_MAX,
  type KeyParts,
  type KeyPlan,
  sentRequestKey,
  writeKey,
} from './counter-key.ts';
import { failureOf } from './redis-errors.ts';
import { ScriptReply } from './script-reply.ts';

/** Which way a run counts. A run of peeks alone may still become either. */
const Way = { READ: 0, ADD: 1, TAKE: 2, VECTOR: 3 } as const;
type Way = (typeof Way)[keyof typeof Way];

/** Its key is as it is sent, but for the start of the window that the reference's format appends. */
interface Run extends KeyParts {
  way: Way;
  /** Sum of the run's hits. */
  hits: number;
  /** From the reply: the count before the next charge to deal out. */
  count: number;
  /** From the reply, of a vector's charge: the count after it. */
  after: number;
  failure: StoreFailure | null;
}

/** The runs of one unit. */
class Section {
  /** In order; the script gets them so. */
  readonly runs: Run[] = [];
  /**
   * The run that a further charge of the counter may join, by scope and rest. Long keys are slow to compare, so
   * these are by what is sent of them.
   */
  readonly open = new Map<string, Map<string, Run>>();
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
  readonly kind: (typeof KINDS)[number];
  /** The server's clock. */
  readonly clock: WallMs;
  readonly made: readonly number[];
  /** Texts of the errors that single counters met. */
  readonly errors: readonly string[];
}

/** Calls that the script remembers as made. */
const MADE = 8;
/** By the second number of a reply. */
const KINDS = ['made', 'late', 'overtaken'] as const;

export class ChargeBatch {
  readonly #keys: KeyPlan;
  /** The run of each charge, in the order of groups and charges. */
  readonly #runs: Run[] = [];
  /** How many of `#runs` were dealt out. */
  #dealt = 0;
  /** By unit, since keys of the reference format do not tell it. */
  readonly #sections = new Map<Unit, Section>();
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
      const sent = this.#keys.format === 'exact' ? boundedKey(key) : key;
      const run = newRun({ scope: '', rest: sent }, Way.VECTOR, 0);
      this.#runs.push(run);
      if (isSound) this.#vectorRuns.push(run);
      else run.failure = NO_UNIT;
    }
  }

  #runOf(charge: Charge): Run {
    const { hits, unit } = charge;
    const way = hits === 0 ? Way.READ : charge.isRefund ? Way.TAKE : Way.ADD;
    if (way !== Way.READ) this.isPeek = false;
    const { scope, rest } = partsOf(charge);
    const section = this.#sections.get(unit) ?? this.#newSection(unit);
    const runs = section?.open.get(scope);
    const open = runs?.get(rest);
    if (open !== undefined && (open.way === way || open.way === Way.READ || way === Way.READ)) {
      if (open.way === Way.READ) open.way = way;
      open.hits = addHits(open.hits, hits);
      return open;
    }
    const isCut = this.#keys.format === 'exact' || scope !== '';
    const run = newRun({ scope, rest: isCut ? rest : charge.key }, way, hits);
    if (section === null) {
      run.failure = NO_UNIT;
      return run;
    }
    section.runs.push(run);
    if (runs === undefined) section.open.set(scope, new Map([[rest, run]]));
    else runs.set(rest, run);
    return run;
  }

  /** Null when there is no such unit. */
  #newSection(unit: Unit): Section | null {
    if (!isUnit(unit)) return null;
    const section = new Section();
    this.#sections.set(unit, section);
    return section;
  }

  /** Writes KEYS and ARGV of the script, after their number. */
  encode(to: CommandWriter, { deadline, sequence }: CallHead): void {
    to.integer(this.#keyCount + (sequence === null ? 0 : 1));
    if (sequence !== null) to.text(sequence.key);
    for (const [unit, { runs }] of this.#sections) {
      for (const run of runs) writeKey(to, run, unit, this.#keys);
    }
    this.#encodeVectorKeys(to);
    to.text(deadline === null ? '' : String(deadline));
    to.text(sequence === null ? '' : String(sequence.number));
    this.#encodeRuns(to);
    this.#encodeVectors(to);
  }

  get #keyCount(): number {
    let count = this.#vectorRuns.length;
    for (const { runs } of this.#sections.values()) count += runs.length;
    for (const { requestId } of this.#vectors) if (requestId !== '') count += 1;
    return count;
  }

  #encodeVectorKeys(to: CommandWriter): void {
    let at = 0;
    for (const group of this.#vectors) {
      for (const { unit } of group.charges) {
        writeKey(to, this.#vectorRuns[at] as Run, unit, this.#keys);
        at += 1;
      }
      if (group.requestId !== '') to.text(sentRequestKey(group, this.#keys));
    }
  }

  #encodeRuns(to: CommandWriter): void {
    to.text(this.#keys.format === 'exact' ? '' : String(this.#keys.jitterSeconds));
    to.integer(this.#sections.size);
    for (const [unit, { runs }] of this.#sections) {
      to.integer(UNIT_SECONDS[unit] as number);
      to.integer(runs.length);
    }
    for (const { runs } of this.#sections.values()) {
      for (const run of runs) to.integer(run.way === Way.TAKE ? -run.hits : run.hits);
    }
  }

  #encodeVectors(to: CommandWriter): void {
    to.integer(this.#vectors.length);
    for (const { charges, policy, requestId } of this.#vectors) {
      to.integer(charges.length);
      to.integer(policy);
      to.integer(requestId === '' ? 0 : 1);
      for (const { unit, hits, isRefund, isBinding, limit } of charges) {
        const isFree = isRefund || (policy === ChargePolicy.ALL_OR_NOTHING && !isBinding);
        to.integer(UNIT_SECONDS[unit] as number);
        to.integer(isRefund ? -hits : hits);
        to.integer(isFree ? COUNT_MAX : limit);
      }
    }
  }

  /** Takes in the script's reply; null when it is none, and nothing may be dealt out. */
  read(reply: unknown): BatchOutcome | null {
    const numbers = new ScriptReply(reply);
    const clock = numbers.count();
    const kind = KINDS[numbers.count()];
    const made: number[] = [];
    for (let call = 0; call < MADE; call += 1) made.push(numbers.count());
    const { errors } = numbers;
    if (kind === 'made') this.#readCounts(numbers, clock);
    return numbers.isSound && kind !== undefined ? { kind, clock, made, errors } : null;
  }

  #readCounts(numbers: ScriptReply, clock: WallMs): void {
    this.#readResets(this.#keys.format === 'exact' ? clock : this.#keys.now);
    for (const { runs } of this.#sections.values()) {
      for (const run of runs) {
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

/** Long keys are cut, and have one part. */
function partsOf({ key, scope = '', rest = '' }: CounterName): KeyParts {
  return scope === '' || key.length > KEY_CHARACTERS_MAX
    ? { scope: '', rest: boundedKey(key) }
    : { scope, rest };
}

function newRun({ scope, rest }: KeyParts, way: Way, hits: number): Run {
  return { scope, rest, way, hits, count: 0, after: 0, failure: null };
}

function take(run: Run, before: number, errors: readonly string[]): void {
  if (before < 0) run.failure = failureOf(errors[-before - 1] ?? '');
  else run.count = before;
}
