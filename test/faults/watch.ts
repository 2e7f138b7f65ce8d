/** The service's own numbers while a fault lasts, and its memory, looked at now and then. */
import { until } from '../support/child.ts';
import type { Service } from '../support/service.ts';

const LOOK_EVERY_MS = 100;
/** What was admitted locally is charged to Redis within moments of its being back. */
const SETTLED_MS_MAX = 10_000;

/** A page of /metrics. */
export class Numbers {
  readonly #lines: readonly string[];

  constructor(page: string) {
    this.#lines = page.split('\n');
  }

  /** Sum of the samples of this name whose labels have all of these, written `mode="local"`. */
  sum(name: string, ...labels: readonly string[]): number {
    let sum = 0;
    for (const line of this.#lines) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (labels.every((label) => line.includes(label))) sum += Number(line.split(' ').at(-1));
    }
    return sum;
  }

  /** Hits that local shares admitted: what became of them. */
  get local(): { replayed: number; confirmed: number; lost: number; unknown: number } {
    const [replayed = 0, confirmed = 0, lost = 0, unknown = 0] = [
      'replayed',
      'confirmed',
      'lost',
      'unknown',
    ].map((name) => this.sum(`weir_local_hits_${name}_total`));
    return { replayed, confirmed, lost, unknown };
  }

  /** Breakers that are not closed. */
  get breakersOpen(): number {
    return this.#lines.filter((line) => /^weir_breaker_closed\{.*\} 0$/.test(line)).length;
  }
}

export interface Look {
  readonly atMs: number;
  readonly numbers: Numbers;
}

export class Watch {
  readonly looks: Look[] = [];
  readonly #service: Service;
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;
  #faultMs = Number.POSITIVE_INFINITY;

  private constructor(service: Service) {
    this.#service = service;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  /** Resolves after the first look. */
  static async start(service: Service): Promise<Watch> {
    const watch = new Watch(service);
    await watch.#look();
    return watch;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const numbers = await this.#read().catch(() => null);
    this.#isLooking = false;
    if (numbers !== null) this.looks.push({ atMs: performance.now(), numbers });
  }

  async #read(): Promise<Numbers> {
    return new Numbers(await this.#service.get('metrics', '/metrics'));
  }

  /**
   * The last look: when nothing waits to be charged to Redis and no breaker is open, without any more
   * traffic; or at once, where Redis `isNeverBack`.
   */
  async finish(isNeverBack: boolean): Promise<void> {
    clearInterval(this.#timer);
    const numbers = await until(
      () => this.#read(),
      (its) =>
        isNeverBack || (its.sum('weir_local_ledger_counters') === 0 && its.breakersOpen === 0),
      SETTLED_MS_MAX,
    );
    this.looks.push({ atMs: performance.now(), numbers });
  }

  get last(): Numbers {
    return (this.looks.at(-1) as Look).numbers;
  }

  /** Between one look and the next, since a time: the share of calls that Redis was asked for. */
  sharesAsked(sinceMs: number): number[] {
    const looks = this.looks.filter(({ atMs }) => atMs >= sinceMs);
    return looks.slice(1).map(({ numbers }, index) => {
      const before = (looks[index] as Look).numbers;
      const added = (name: string, ...labels: string[]): number =>
        numbers.sum(name, ...labels) - before.sum(name, ...labels);
      const asked = added('weir_redis_charges_total');
      return asked / (asked + added('weir_degraded_charges_total', 'reason="breaker"'));
    });
  }

  /** From now on nothing is as usual. */
  beginFault(): void {
    this.#faultMs = performance.now();
  }

  /** Resident bytes: the most before the fault, the most after its beginning, and at the end. */
  get memory(): { readonly before: number; readonly most: number; readonly end: number } {
    const most = (isMeant: (look: Look) => boolean): number =>
      Math.max(...this.looks.filter(isMeant).map(residentBytes));
    return {
      before: most(({ atMs }) => atMs <= this.#faultMs),
      most: most(({ atMs }) => atMs > this.#faultMs),
      end: residentBytes(this.looks.at(-1) as Look),
    };
  }

  get growthBytes(): number {
    const { before, most } = this.memory;
    return most - before;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function residentBytes({ numbers }: Look): number {
  return numbers.sum('process_resident_memory_bytes');
}
