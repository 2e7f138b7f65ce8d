/**
 * Which segments there are and up to which index each holds entries that count, which decides when
 * it may go. Only the oldest can go, so that what is left is always the end of the log.
 */
import type { LogIndex } from '../../core/raft/log-entry.ts';
import type { LogRecord } from './log-record.ts';
import { SEGMENT_HEADER_BYTES } from './segment.ts';

export interface SegmentSpan {
  readonly name: string;
  bytes: number;
  /** Of its entries that were not cut since; 0 is none. */
  lastIndex: LogIndex;
}

export class SegmentSpans {
  #spans: SegmentSpan[] = [];

  /** The one that is written to. */
  get active(): SegmentSpan | null {
    return this.#spans.at(-1) ?? null;
  }

  get bytes(): number {
    return this.#spans.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** A segment without records. */
  begin(name: string): void {
    this.#spans.push({ name, bytes: SEGMENT_HEADER_BYTES, lastIndex: 0 });
  }

  /** A record of so many bytes was added to the active one. */
  note({ truncateFrom, entries }: LogRecord, bytes: number): void {
    if (truncateFrom !== null) {
      for (const span of this.#spans) span.lastIndex = Math.min(span.lastIndex, truncateFrom - 1);
    }
    const { active } = this;
    if (active === null) return;
    active.bytes += bytes;
    active.lastIndex = entries.at(-1)?.index ?? active.lastIndex;
  }

  /**
   * The oldest, if it holds nothing behind `through` and the next has a record, which repeats term
   * and vote: after a crash the last segment may have none.
   */
  removable(through: LogIndex): SegmentSpan | null {
    const [oldest, next] = this.#spans;
    if (oldest === undefined || next === undefined) return null;
    return oldest.lastIndex <= through && next.bytes > SEGMENT_HEADER_BYTES ? oldest : null;
  }

  dropOldest(): void {
    this.#spans.shift();
  }
}
