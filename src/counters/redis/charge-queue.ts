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
  /** They give less than HASTY_SHARE of the time that the store has. */
  readonly isHasty: boolean;
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
/** A caller that gives less of the store's time does not tell a slow server by giving up. */
const HASTY_SHARE = 0.5;
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

/** `timeoutMs`: what the store has at most. */
export function entryOf(
  groups: readonly ChargeGroup[],
  listener: ChargeListener,
  { now, timeoutMs }: { readonly now: MonotonicMs; readonly timeoutMs: DurationMs },
): Entry {
  let deadline = now + timeoutMs;
  let charges = 0;
  let characters = 0;
  for (let index = 0; index < groups.length; index += 1) {
    const { charges: its, deadlineMs } = groups[index] as ChargeGroup;
    if (deadlineMs > 0 && deadlineMs - ANSWER_MS < deadline) deadline = deadlineMs - ANSWER_MS;
    charges += its.length;
    for (let at = 0; at < its.length; at += 1) characters += charactersOf(its[at] as Charge);
  }
  const isHasty = deadline - now < timeoutMs * HASTY_SHARE;
  return { groups, listener, deadline, isHasty, left: null, charges, characters };
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
  const slices: Slice[] = [];
  let slice: Slice | undefined;
  for (const group of entry.groups) {
    const charges = group.charges.length;
    const characters = group.charges.reduce((sum, charge) => sum + charactersOf(charge), 0);
    if (slice === undefined || !hasRoom(slice, { charges, characters }, bounds)) {
      slice = { groups: [], charges: 0, characters: 0 };
      slices.push(slice);
    }
    slice.groups.push(group);
    slice.charges += charges;
    slice.characters += characters;
  }
  let open = slices.length;
  const listener = {
    settled: () => {
      open -= 1;
      if (open === 0) entry.listener.settled(entry.groups);
    },
  };
  return slices.map((its) => ({ ...entry, ...its, listener }));
}

interface Slice {
  readonly groups: ChargeGroup[];
  charges: number;
  characters: number;
}

function hasRoom(
  slice: Slice,
  more: Pick<Slice, 'charges' | 'characters'>,
  bounds: CallBounds,
): boolean {
  return (
    slice.charges === 0 ||
    (slice.charges + more.charges <= bounds.chargesPerCallMax &&
      slice.characters + more.characters <= bounds.charactersPerCallMax)
  );
}
