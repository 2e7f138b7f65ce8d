/**
 * Groups that wait for their call, oldest first, and when their callers stop waiting. What one
 * `charge` brought stays together as an entry, so that its listener is called once; an entry that is
 * larger than one call may be is cut into parts that report to the entry's listener together.
 */
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import type {
  Charge,
  ChargeGroup,
  ChargeListener,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import type { LateOutcome } from './call-outcomes.ts';

export interface Entry {
  readonly groups: readonly ChargeGroup[];
  readonly listener: ChargeListener;
  /** When its callers stop waiting. */
  readonly deadline: MonotonicMs;
  /** By group, once its callers were answered without the store. */
  left: LateOutcome[] | null;
  readonly charges: number;
  /** UTF-16 units of its keys, and CHARGE_CHARACTERS more for each charge. */
  readonly characters: number;
}

/** How large an entry may be that goes as one. */
export interface CallBounds {
  readonly chargesPerCallMax: number;
  readonly charactersPerCallMax: number;
}

/** What a charge takes besides its key: its object, its numbers in the call and in the reply. */
const CHARGE_CHARACTERS = 128;
/** What is left of a caller's time for the answer to reach it. */
export const ANSWER_MS: DurationMs = 1;
/** Above this many taken entries at its front, the array is cut. */
const TAKEN_MAX = 1024;

export class ChargeQueue {
  #entries: Entry[] = [];
  /** Entries before it are taken. */
  #head = 0;
  #groups = 0;
  #groupsMax = 0;
  #characters = 0;
  /** At or before the earliest deadline of those that wait. */
  #earliest: MonotonicMs = Infinity;

  /** Groups waiting. */
  get groups(): number {
    return this.#groups;
  }

  /** Characters of the entries waiting. */
  get characters(): number {
    return this.#characters;
  }

  /** Most groups that ever waited. */
  get groupsHighWater(): number {
    return this.#groupsMax;
  }

  /** Infinity when nothing waits. */
  get earliestDeadline(): MonotonicMs {
    return this.#groups === 0 ? Infinity : this.#earliest;
  }

  push(entry: Entry): void {
    this.#earliest = Math.min(this.earliestDeadline, entry.deadline);
    this.#entries.push(entry);
    this.#groups += entry.groups.length;
    this.#characters += entry.characters;
    if (this.#groups > this.#groupsMax) this.#groupsMax = this.#groups;
  }

  /** The oldest, which stays. */
  peek(): Entry | undefined {
    return this.#entries[this.#head];
  }

  /** Takes those whose deadline has come, oldest first. */
  takeDue(now: MonotonicMs): Entry[] {
    if (now < this.earliestDeadline) return [];
    const waiting = this.#entries.slice(this.#head);
    const due = waiting.filter(({ deadline }) => deadline <= now);
    this.#entries = waiting.filter(({ deadline }) => deadline > now);
    this.#head = 0;
    this.#earliest = this.#entries.reduce((least, its) => Math.min(least, its.deadline), Infinity);
    for (const { groups, characters } of due) {
      this.#groups -= groups.length;
      this.#characters -= characters;
    }
    return due;
  }

  /** Takes the oldest, which must be there. */
  shift(): Entry {
    const entry = this.#entries[this.#head] as Entry;
    this.#head += 1;
    this.#groups -= entry.groups.length;
    this.#characters -= entry.characters;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head > TAKEN_MAX && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

/** `latest`: nobody's deadline is after it. */
export function entryOf(
  groups: readonly ChargeGroup[],
  listener: ChargeListener,
  latest: MonotonicMs,
): Entry {
  let deadline = latest;
  let charges = 0;
  let characters = 0;
  for (let index = 0; index < groups.length; index += 1) {
    const { charges: its, deadlineMs } = groups[index] as ChargeGroup;
    if (deadlineMs > 0 && deadlineMs - ANSWER_MS < deadline) deadline = deadlineMs - ANSWER_MS;
    charges += its.length;
    for (let at = 0; at < its.length; at += 1) characters += charactersOf(its[at] as Charge);
  }
  return { groups, listener, deadline, left: null, charges, characters };
}

function charactersOf({ key }: Charge): number {
  return key.length + CHARGE_CHARACTERS;
}

/** Writes the failure, or null, into every group. */
export function settleGroups({ groups }: Entry, failure: StoreFailure | null): void {
  for (const group of groups) group.failure = failure;
}

/**
 * Cuts the entry into parts within the bounds, except that a group stays whole. When the last part
 * has settled, the entry's listener is told.
 */
export function partsOf(entry: Entry, bounds: CallBounds): Entry[] {
  const slices: ChargeGroup[][] = [[]];
  let charges = 0;
  let characters = 0;
  for (const group of entry.groups) {
    const its = group.charges.reduce((sum, charge) => sum + charactersOf(charge), 0);
    charges += group.charges.length;
    characters += its;
    const isBeyond = charges > bounds.chargesPerCallMax || characters > bounds.charactersPerCallMax;
    if (isBeyond && charges > group.charges.length) {
      slices.push([]);
      charges = group.charges.length;
      characters = its;
    }
    slices.at(-1)?.push(group);
  }
  let open = slices.length;
  const listener = {
    settled: () => {
      open -= 1;
      if (open === 0) entry.listener.settled(entry.groups);
    },
  };
  return slices.map((groups) => entryOf(groups, listener, entry.deadline));
}
