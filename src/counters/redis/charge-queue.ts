/**
 * Groups that wait for their call, oldest first. What one `charge` brought stays together as an
 * entry, so that its listener is called once; an entry that is larger than one call may be is cut
 * into parts that report to the entry's listener together.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type {
  Charge,
  ChargeGroup,
  ChargeListener,
  StoreFailure,
} from '../../limiter/counter-store.ts';

export interface Entry {
  readonly groups: readonly ChargeGroup[];
  readonly listener: ChargeListener;
  /** When it was charged: its deadline counts from here. */
  readonly since: MonotonicMs;
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
/** Above this many taken entries at its front, the array is cut. */
const TAKEN_MAX = 1024;

export class ChargeQueue {
  #entries: Entry[] = [];
  /** Entries before it are taken. */
  #head = 0;
  #groups = 0;
  #groupsMax = 0;
  #characters = 0;

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

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#groups += entry.groups.length;
    this.#characters += entry.characters;
    if (this.#groups > this.#groupsMax) this.#groupsMax = this.#groups;
  }

  /** The oldest, which stays. */
  peek(): Entry | undefined {
    return this.#entries[this.#head];
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

export function entryOf(
  groups: readonly ChargeGroup[],
  listener: ChargeListener,
  since: MonotonicMs,
): Entry {
  let charges = 0;
  let characters = 0;
  for (let index = 0; index < groups.length; index += 1) {
    const its = (groups[index] as ChargeGroup).charges;
    charges += its.length;
    for (let at = 0; at < its.length; at += 1) characters += charactersOf(its[at] as Charge);
  }
  return { groups, listener, since, charges, characters };
}

function charactersOf({ key }: Charge): number {
  return key.length + CHARGE_CHARACTERS;
}

/** Tells the entry's listener, with the failure in every group unless it is null. */
export function settleEntry({ groups, listener }: Entry, failure: StoreFailure | null): void {
  if (failure !== null) for (const group of groups) group.failure = failure;
  listener.settled(groups);
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
  return slices.map((groups) => entryOf(groups, listener, entry.since));
}
