/** Charges as test data, asking a store for them, and a model of what a store must answer. */
import { Unit } from '../../src/core/rules/unit.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  type CounterStore,
} from '../../src/limiter/counter-store.ts';

export type TestCharge = Partial<Omit<Charge, 'before' | 'after' | 'resetMs'>> & { key: string };

/** A charge of one hit per week unless told otherwise; its readings are poisoned. */
export function charge(its: TestCharge): Charge {
  return {
    unit: Unit.WEEK,
    limit: 10,
    hits: 1,
    isRefund: false,
    isBinding: true,
    failureMode: 'error',
    isCritical: false,
    isLeased: false,
    degraded: null,
    before: Number.NaN,
    after: Number.NaN,
    resetMs: Number.NaN,
    ...its,
  };
}

export function group(...charges: TestCharge[]): ChargeGroup {
  return groupOf(charges.map(charge));
}

export function groupOf(
  charges: readonly Charge[],
  its: Partial<Omit<ChargeGroup, 'charges'>> = {},
): ChargeGroup {
  return { charges, policy: ChargePolicy.ALL, deadlineMs: 0, requestId: '', failure: null, ...its };
}

export function stopGroup(...charges: TestCharge[]): ChargeGroup {
  return { ...group(...charges), policy: ChargePolicy.STOP_WHEN_OVER };
}

export function wholeGroup(...charges: TestCharge[]): ChargeGroup {
  return { ...group(...charges), policy: ChargePolicy.ALL_OR_NOTHING };
}

/** Resolves with the groups when they are settled. Being settled twice is an uncaught error. */
export function ask(store: CounterStore, groups: ChargeGroup[]): Promise<readonly ChargeGroup[]> {
  const { promise, resolve } = Promise.withResolvers<readonly ChargeGroup[]>();
  let settled = 0;
  store.charge(groups, {
    settled: (its) => {
      settled += 1;
      if (settled > 1) throw new Error('settled twice');
      resolve(its);
    },
  });
  return promise;
}

/** The only charge's reading as `before>after`, or the failure's code. */
export async function askOne(store: CounterStore, its: TestCharge): Promise<string> {
  return readings(await ask(store, [group(its)]))[0]?.[0] as string;
}

/** By group, each charge's reading as `before>after`, or the failure's code. */
export function readings(groups: readonly ChargeGroup[]): string[][] {
  return groups.map(({ charges, failure }) =>
    failure === null ? charges.map(({ before, after }) => `${before}>${after}`) : [failure.code],
  );
}

/** Counters as one-by-one calls in whole numbers would keep them, within one window. */
export class Model {
  #counts: Map<string, bigint>;

  constructor(counts: ReadonlyMap<string, bigint> = new Map()) {
    this.#counts = new Map(counts);
  }

  /** By group, in the order given, what `readings` must say. */
  answer(groups: readonly ChargeGroup[], vectorsLast: boolean): string[][] {
    const isLast = (its: ChargeGroup) => vectorsLast && isVector(its);
    const order = [...groups.filter((its) => !isLast(its)), ...groups.filter(isLast)];
    const answers = new Map(order.map((its) => [its, this.#answerOne(its)]));
    return groups.map((its) => answers.get(its) as string[]);
  }

  #answerOne(its: ChargeGroup): string[] {
    if (its.policy === ChargePolicy.ALL_OR_NOTHING) return this.#answerWhole(its);
    const would = its.charges.map(
      ({ key, hits, isRefund, limit }) => !isRefund && this.#sum(key, hits) > BigInt(limit),
    );
    const isStopped = isVector(its) && would.includes(true);
    return its.charges.map(({ key, hits, isRefund }, index) => {
      const before = this.#counts.get(key) ?? 0n;
      const isMade = !isStopped || isRefund || would[index];
      if (isMade) this.#counts.set(key, this.#sum(key, isRefund ? -hits : hits));
      return `${before}>${this.#counts.get(key) ?? 0n}`;
    });
  }

  /** Made on a copy, which is kept when no binding charge passed its limit. */
  #answerWhole({ charges }: ChargeGroup): string[] {
    const draft = new Model(this.#counts);
    const made = charges.map(({ key, hits, isRefund, isBinding, limit }) => {
      const before = draft.#counts.get(key) ?? 0n;
      const after = draft.#sum(key, isRefund ? -hits : hits);
      draft.#counts.set(key, after);
      return { before, after, isOver: !isRefund && isBinding && after > BigInt(limit) };
    });
    if (!made.some(({ isOver }) => isOver)) {
      this.#counts = draft.#counts;
      return made.map(({ before, after }) => `${before}>${after}`);
    }
    return charges.map(({ key, hits, isRefund }, index) => {
      const before = this.#counts.get(key) ?? 0n;
      if (isRefund) this.#counts.set(key, this.#sum(key, -hits));
      const { isOver, after } = made[index] as (typeof made)[number];
      return `${before}>${isOver ? after : (this.#counts.get(key) ?? 0n)}`;
    });
  }

  #sum(key: string, hits: number): bigint {
    const sum = (this.#counts.get(key) ?? 0n) + BigInt(hits);
    const most = 2n ** 53n - 1n;
    return sum < 0n ? 0n : sum > most ? most : sum;
  }
}

/** In redis, groups that are decided on the whole go after the others of a batch. */
function isVector({ policy, charges, requestId }: ChargeGroup): boolean {
  if (policy === ChargePolicy.ALL_OR_NOTHING || requestId !== '') return true;
  return policy === ChargePolicy.STOP_WHEN_OVER && charges.length > 1;
}
