/**
 * Groups that wait for their call, oldest first. What one `charge` brought stays together as an
 * entry, so that its listener is called once; an entry that has more charges than one call may
 * carry is cut into parts that report to the entry's listener together.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type { ChargeGroup, ChargeListener, StoreFailure } from '../../limiter/counter-store.ts';

export interface Entry {
  readonly groups: readonly ChargeGroup[];
  readonly listener: ChargeListener;
  /** When it was charged: its deadline counts from here. */
  readonly since: MonotonicMs;
  readonly charges: number;
}

/** Above this many taken entries at its front, the array is cut. */
const TAKEN_MAX = 1024;

export class ChargeQueue {
  #entries: Entry[] = [];
  /** Entries before it are taken. */
  #head = 0;
  #groups = 0;
  #groupsMax = 0;

  /** Groups waiting. */
  get groups(): number {
    return this.#groups;
  }

  /** Most groups that ever waited. */
  get groupsHighWater(): number {
    return this.#groupsMax;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#groups += entry.groups.length;
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

export function failEntry({ groups, listener }: Entry, failure: StoreFailure): void {
  for (const group of groups) group.failure = failure;
  listener.settled(groups);
}

export function chargesOf(groups: readonly ChargeGroup[]): number {
  let charges = 0;
  for (let index = 0; index < groups.length; index += 1) {
    charges += (groups[index] as ChargeGroup).charges.length;
  }
  return charges;
}

/**
 * Cuts the entry into parts of at most `chargesMax` charges, except that a group stays whole. When
 * the last part has settled, the entry's listener is told.
 */
export function partsOf(entry: Entry, chargesMax: number): Entry[] {
  const slices: ChargeGroup[][] = [[]];
  let charges = 0;
  for (const group of entry.groups) {
    if (charges > 0 && charges + group.charges.length > chargesMax) {
      slices.push([]);
      charges = 0;
    }
    slices.at(-1)?.push(group);
    charges += group.charges.length;
  }
  let open = slices.length;
  const listener = {
    settled: () => {
      open -= 1;
      if (open === 0) entry.listener.settled(entry.groups);
    },
  };
  return slices.map((groups) => ({ ...entry, groups, listener, charges: chargesOf(groups) }));
}
