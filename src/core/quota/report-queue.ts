/**
 * What a holder has to tell the ledger, each thing once: one report is out at a time, and is sent as it
 * is until it is counted. What comes meanwhile goes with the next.
 */
import { REPORT_ITEMS_MAX, SHARES_PER_SESSION_MAX } from './bounds.ts';
import type { ReportItem } from './command.ts';
import type { HolderReport } from './message.ts';

/**
 * Each share in two windows. Beyond, what is oldest is left out: the ledger has stranded it, so it
 * stays on the safe side.
 */
const WAITING_MAX = 2 * SHARES_PER_SESSION_MAX;

export class ReportQueue {
  #waiting = new Map<string, ReportItem>();
  #out: HolderReport | null = null;
  #counted = 0;

  /** Sequence of the last report that the ledger has counted. */
  get counted(): number {
    return this.#counted;
  }

  get isEmpty(): boolean {
    return this.#out === null && this.#waiting.size === 0;
  }

  /** Nothing about the resource is untold or uncounted. */
  isClear(resource: string): boolean {
    if (this.#out?.items.some((item) => item.resource === resource)) return false;
    for (const item of this.#waiting.values()) if (item.resource === resource) return false;
    return true;
  }

  add(item: ReportItem): void {
    const key = `${item.window}:${item.resource}`;
    const before = this.#waiting.get(key);
    const used = item.used + (before?.used ?? 0);
    const returned = item.returned + (before?.returned ?? 0);
    this.#waiting.set(key, { ...item, used, returned });
    if (this.#waiting.size <= WAITING_MAX) return;
    const [oldest = ''] = this.#waiting.keys();
    this.#waiting.delete(oldest);
  }

  /** The report to send: the one that is out, or a new one; null when there is nothing to tell. */
  next(): HolderReport | null {
    if (this.#out !== null || this.#waiting.size === 0) return this.#out;
    const items = [...this.#waiting].slice(0, REPORT_ITEMS_MAX);
    for (const [key] of items) this.#waiting.delete(key);
    this.#out = { sequence: this.#counted + 1, items: items.map(([, item]) => item) };
    return this.#out;
  }

  /** The ledger has counted all up to this one. */
  count(sequence: number): void {
    if (sequence <= this.#counted) return;
    this.#counted = sequence;
    this.#out = null;
  }

  /** A new session begins at 1 again, and has nothing to tell of the former. */
  restart(): void {
    this.#waiting = new Map();
    this.#out = null;
    this.#counted = 0;
  }
}
