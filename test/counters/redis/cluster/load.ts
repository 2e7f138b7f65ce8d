/** Charges without a pause from several callers, and what they came to. */
import {
  type ChargeGroup,
  ChargePolicy,
  COUNT_MAX,
  type CounterStore,
} from '../../../../src/limiter/counter-store.ts';
import { ask, charge, groupOf } from '../../../contract/charges.ts';
import { pause } from '../../../support/child.ts';

const CALLERS = 8;
/** So that a caller's next request is not always in the same batch as the last. */
const REST_MS = 1;

export class Load {
  /** Hits asked of each key, and of those that were answered by the store. */
  readonly asked = new Map<string, number>();
  readonly served = new Map<string, number>();
  /** When each answer came, and whether it was the store's own. */
  readonly answers: { readonly atMs: number; readonly tookMs: number; readonly isOwn: boolean }[] =
    [];
  /** Reasons of the charges that were answered without the store. */
  readonly reasons = new Map<string, number>();
  #isOver = false;
  readonly #callers: Promise<void>[];
  readonly #onAnswer: (group: ChargeGroup) => void;

  constructor(
    store: CounterStore,
    makeGroup: (number: number) => ChargeGroup,
    onAnswer: (group: ChargeGroup) => void = () => {},
  ) {
    this.#onAnswer = onAnswer;
    let number = 0;
    const run = async (): Promise<void> => {
      while (!this.#isOver) {
        number += 1;
        // A caller asks when it has its answer.
        // oxlint-disable-next-line no-await-in-loop
        await this.#askOnce(store, makeGroup(number));
        // oxlint-disable-next-line no-await-in-loop
        await pause(REST_MS);
      }
    };
    this.#callers = Array.from({ length: CALLERS }, run);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }

  async #askOnce(store: CounterStore, group: ChargeGroup): Promise<void> {
    const began = performance.now();
    await ask(store, [group]);
    const atMs = performance.now();
    let isOwn = group.failure === null;
    for (const { key, hits, degraded } of group.charges) {
      add(this.asked, key, hits);
      if (group.failure === null && degraded === null) add(this.served, key, hits);
      else {
        isOwn = false;
        add(this.reasons, String(group.failure?.code ?? degraded), 1);
      }
    }
    this.#onAnswer(group);
    this.answers.push({ atMs, tookMs: atMs - began, isOwn });
  }
}

function add(map: Map<string, number>, key: string, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}

/** Requests of all kinds over `keys`, none of which is turned away. */
export function mixedGroups(keys: readonly string[]): (number: number) => ChargeGroup {
  const POLICIES = [ChargePolicy.ALL, ChargePolicy.STOP_WHEN_OVER, ChargePolicy.ALL_OR_NOTHING];
  return (number) => {
    const size = 1 + (number % 3);
    const charges = Array.from({ length: size }, (_, index) =>
      charge({ key: keys[(number * 7 + index * 13) % keys.length] as string, limit: COUNT_MAX }),
    );
    const policy = POLICIES[number % POLICIES.length] as ChargePolicy;
    return groupOf(charges, { policy, requestId: number % 5 === 0 ? `r${number}` : '' });
  };
}

/** The counts of the keys as the store says. */
export async function countsOf(
  store: CounterStore,
  keys: Iterable<string>,
): Promise<Map<string, number>> {
  const peeks = [...keys].map((key) => groupOf([charge({ key, hits: 0 })]));
  await ask(store, peeks);
  return new Map(
    peeks.map(({ charges: [its], failure }) => [
      its?.key as string,
      failure === null ? (its?.after as number) : Number.NaN,
    ]),
  );
}

export function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
