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

  constructor(service: Service) {
    this.#service = service;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
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

  /** By how much the resident memory grew from the first look to its most. */
  get growthBytes(): number {
    const sizes = this.looks.map(({ numbers }) => numbers.sum('process_resident_memory_bytes'));
    return Math.max(...sizes) - (sizes[0] as number);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
