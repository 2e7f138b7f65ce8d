/**
 * A call in flight: the entries that wait for it, and its parts, one call of the script for each
 * route that they take. The parts go out in one write, and the entries are settled together when every
 * part has come to an end.
 *
 * An entry whose time is up leaves before that. Its caller was answered and may use its groups again,
 * so nothing is written into them; what became of its charges is told to its outcomes instead.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type { ChargeGroup, ChargeOutcome, StoreFailure } from '../../limiter/counter-store.ts';
import { LateOutcome } from './call-outcomes.ts';
import type { CallRoute } from './call-route.ts';
import { type BatchOutcome, ChargeBatch } from './charge-batch.ts';
import { type CallBounds, type Entry, settleGroups } from './charge-queue.ts';
import type { KeyPlan } from './counter-key.ts';
import { isFromScript } from './redis-errors.ts';
import { UNEXPECTED_REPLY } from './script-reply.ts';

/** What the calls of a store have in common. */
export interface CallPlan {
  readonly routeOf: (group: ChargeGroup) => CallRoute;
  readonly keysOf: (route: CallRoute) => KeyPlan;
  /** Of groups that were sent and whose connection was lost. */
  readonly lost: StoreFailure;
  /** Of groups whose call came too late to be made. */
  readonly late: StoreFailure;
  /** The same of groups whose callers gave too little time for it to tell of the server. */
  readonly hasty: StoreFailure;
}

/** Tells who waits for an entry, and never throws. */
export type Settle = (entry: Entry) => void;

/** One call of the script. */
export class CallPart {
  readonly route: CallRoute;
  readonly batch: ChargeBatch;
  /** Of the call in its client's sequence; 0 for one that only reads, or has none. */
  number = 0;
  sentAt: MonotonicMs = 0;
  /** Outcomes of the groups whose part was lost. */
  readonly lostGroups: LateOutcome[] = [];
  #end: BatchOutcome | StoreFailure | 'lost' | null = null;

  constructor(route: CallRoute, keys: KeyPlan) {
    this.route = route;
    this.batch = new ChargeBatch(keys);
  }

  get hasEnded(): boolean {
    return this.#end !== null;
  }

  get isLost(): boolean {
    return this.#end === 'lost';
  }

  /** What the script says, or null when it is no reply of the script. */
  replied(reply: unknown): BatchOutcome | null {
    const outcome = this.batch.read(reply);
    this.#end = outcome ?? UNEXPECTED_REPLY;
    return outcome;
  }

  /** Null when the connection was lost. */
  failed(failure: StoreFailure | null): void {
    this.#end = failure ?? 'lost';
  }

  /** Deals the group's readings out; what it fails with, or null. */
  settle(group: ChargeGroup, left: LateOutcome | null, plan: CallPlan): StoreFailure | null {
    const end = this.#end;
    if (end === 'lost') return this.#lose(left, plan.lost);
    let failure: StoreFailure | null = plan.late;
    let outcome: ChargeOutcome = 'not-made';
    if (end === null || 'code' in end) {
      failure = end ?? UNEXPECTED_REPLY;
      if (!this.batch.isPeek && mayBeMade(failure)) return partlyMade(failure, left);
    } else if (end.kind === 'made') {
      failure = this.batch.deal(group, left !== null);
      if (failure === null) outcome = 'made';
      else if (!this.batch.wasNothingMade(group)) return partlyMade(failure, left);
    }
    left?.tell(outcome);
    return failure;
  }

  #lose(left: LateOutcome | null, lost: StoreFailure): StoreFailure {
    if (this.batch.isPeek) {
      left?.tell('not-made');
      return lost;
    }
    const outcome = left ?? new LateOutcome();
    this.lostGroups.push(outcome);
    return { ...lost, outcome };
  }
}

/** Which of a group's charges were made is not kept: making them again could charge some twice. */
function partlyMade(failure: StoreFailure, left: LateOutcome | null): StoreFailure {
  const outcome = left ?? new LateOutcome();
  outcome.tell('unknown');
  return { ...failure, outcome };
}

/** Something else than the script answered, or it ended on its way: what it made stays made. */
function mayBeMade(failure: StoreFailure): boolean {
  return failure === UNEXPECTED_REPLY || isFromScript(failure.text);
}

export class ChargeCall {
  readonly #plan: CallPlan;
  readonly #entries: Entry[] = [];
  readonly #parts = new Map<CallRoute, CallPart>();
  sentAt: MonotonicMs = 0;
  #charges = 0;
  #characters = 0;
  /** At or before the earliest deadline of those that wait. */
  #earliest: MonotonicMs = Infinity;
  #latest: MonotonicMs = 0;
  #waiting = 0;
  /** Entries before it are settled. */
  #settled = 0;

  constructor(plan: CallPlan) {
    this.#plan = plan;
  }

  get charges(): number {
    return this.#charges;
  }

  get parts(): Iterable<CallPart> {
    return this.#parts.values();
  }

  /** Whether there are several. */
  get isSplit(): boolean {
    return this.#parts.size > 1;
  }

  get hasEnded(): boolean {
    for (const part of this.#parts.values()) if (!part.hasEnded) return false;
    return true;
  }

  get isWaitedFor(): boolean {
    return this.#waiting > 0;
  }

  /** Infinity when nobody waits. */
  get earliestDeadline(): MonotonicMs {
    return this.#earliest;
  }

  get latestDeadline(): MonotonicMs {
    return this.#latest;
  }

  /** The first entry always fits: one that is beyond a bound goes alone. */
  fits(entry: Entry, { chargesPerCallMax, charactersPerCallMax }: CallBounds): boolean {
    if (this.#entries.length === 0) return true;
    return (
      this.#charges + entry.charges <= chargesPerCallMax &&
      this.#characters + entry.characters <= charactersPerCallMax
    );
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#waiting += 1;
    this.#charges += entry.charges;
    this.#characters += entry.characters;
    this.#earliest = Math.min(this.#earliest, entry.deadline);
    this.#latest = Math.max(this.#latest, entry.deadline);
  }

  /** Makes the parts, when every entry is added. Throws what a group that cannot be read throws. */
  prepare(): void {
    for (const { groups } of this.#entries) {
      for (const group of groups) this.#partOf(group).batch.add(group);
    }
  }

  #partOf(group: ChargeGroup): CallPart {
    const route = this.#plan.routeOf(group);
    let part = this.#parts.get(route);
    if (part === undefined) {
      part = new CallPart(route, this.#plan.keysOf(route));
      this.#parts.set(route, part);
    }
    return part;
  }

  /** Takes leave of the entries whose deadline has come, and gives them, failed. */
  leaveDue(now: MonotonicMs, failureOf: (entry: Entry) => StoreFailure): Entry[] {
    if (now < this.#earliest) return [];
    const due: Entry[] = [];
    this.#earliest = Infinity;
    for (const entry of this.#entries) {
      if (entry.left !== null) continue;
      if (entry.deadline > now) {
        this.#earliest = Math.min(this.#earliest, entry.deadline);
        continue;
      }
      entry.left = entry.groups.map(() => new LateOutcome());
      const failure = failureOf(entry);
      for (const [index, group] of entry.groups.entries()) {
        group.failure = { ...failure, outcome: entry.left[index] as LateOutcome };
      }
      due.push(entry);
    }
    this.#waiting -= due.length;
    return due;
  }

  /** When every part has ended: deals out, and settles every entry that still waits. */
  settle(settle: Settle): void {
    while (this.#settled < this.#entries.length) {
      const entry = this.#entries[this.#settled] as Entry;
      this.#dealOut(entry);
      this.#settled += 1;
      if (entry.left !== null) continue;
      this.#waiting -= 1;
      settle(entry);
    }
  }

  #dealOut({ groups, left, isHasty }: Entry): void {
    const { late, hasty } = this.#plan;
    for (const [index, group] of groups.entries()) {
      const outcome = left?.[index] ?? null;
      const failure = this.#partOf(group).settle(group, outcome, this.#plan);
      if (outcome === null) group.failure = failure === late && isHasty ? hasty : failure;
    }
  }

  /** After a defect: fails every entry that still waits. */
  fail(failure: StoreFailure, settle: Settle): void {
    for (; this.#settled < this.#entries.length; this.#settled += 1) {
      const entry = this.#entries[this.#settled] as Entry;
      for (const outcome of entry.left ?? []) outcome.tell('unknown');
      if (entry.left !== null) continue;
      this.#waiting -= 1;
      settleGroups(entry, failure);
      settle(entry);
    }
  }
}
