/**
 * From entries to events: decoded, each once, in the order in which they happened. Entries that are no
 * events are told and passed over. What an entry was for is over when it has been given out, or told: then
 * it may be acknowledged.
 */

import type { RecordedEvent } from '../core/events/event.ts';
import { decodeEvent } from '../core/events/event-codec.ts';
import { EventOrder } from '../core/events/event-order.ts';
import { type EventCheck, RepetitionCheck, SequenceCheck } from '../core/events/sequence-check.ts';
import type { DurationMs } from '../core/time.ts';
import type { StreamEntry } from './stream-entry.ts';
import { msOf } from './stream-id.ts';

/** Writers wait a tenth of it; what cannot be written in time comes late anyway. */
export const ORDER_WINDOW_MS: DurationMs = 1000;

export type EntryName = Pick<StreamEntry, 'kind' | 'id'>;

export interface ReplayListener {
  readonly event: (event: RecordedEvent, id: string, isLate: boolean) => void;
  /** Events of this one's source, both included, are not in the stream: dropped, fenced or lost. */
  readonly missing: (event: RecordedEvent, from: number, to: number) => void;
  /** An entry that is no event, and why. */
  readonly corrupt: (entry: EntryName, problem: string) => void;
}

export interface ReplayOptions {
  readonly windowMs: DurationMs;
  /** Others read parts of the stream: what is missing here is not missing. */
  readonly isShared: boolean;
  /** Events that are given out. */
  readonly countMax: number;
}

export class EventReplay {
  readonly #listener: ReplayListener;
  readonly #countMax: number;
  readonly #order: EventOrder<EntryName>;
  readonly #check: EventCheck;
  /** Entries held back for their order. */
  readonly #held = new Set<string>();
  #done: EntryName[] = [];
  #given = 0;

  constructor({ windowMs, isShared, countMax }: ReplayOptions, listener: ReplayListener) {
    this.#listener = listener;
    this.#countMax = countMax;
    this.#order = new EventOrder(windowMs);
    this.#check = isShared ? new RepetitionCheck() : new SequenceCheck();
  }

  /** As many were given out as were wanted. */
  get isComplete(): boolean {
    return this.#given >= this.#countMax;
  }

  /** In the order of their streams. */
  take(entries: readonly StreamEntry[]): void {
    for (const entry of entries) if (!this.#held.has(nameText(entry))) this.#takeOne(entry);
    this.#give(this.#order.take());
  }

  /** Nothing has come for the window's time, or the streams are at their end. */
  settle(): void {
    this.#give(this.#order.takeAll());
  }

  /** Those that are over, since the last call. */
  takeDone(): EntryName[] {
    const done = this.#done;
    this.#done = [];
    return done;
  }

  #takeOne({ kind, id, fields }: StreamEntry): void {
    const name = { kind, id };
    if (fields === null) {
      this.#pass(name, 'it was trimmed before anybody acknowledged it');
      return;
    }
    const decoded = decodeEvent(fields);
    if ('problem' in decoded) {
      this.#pass(name, decoded.problem);
      return;
    }
    const { event } = decoded;
    if (event.kind !== kind) {
      this.#pass(name, `its kind ${event.kind} is not that of its stream`);
      return;
    }
    const sequenced = this.#check.note(event);
    if (sequenced.kind === 'repeated') {
      this.#done.push(name);
      return;
    }
    if (sequenced.kind === 'gap') this.#listener.missing(event, sequenced.from, sequenced.to);
    this.#held.add(nameText(name));
    this.#order.add(event, msOf(id), name);
  }

  #pass(name: EntryName, problem: string): void {
    this.#listener.corrupt(name, problem);
    this.#done.push(name);
  }

  #give(ordered: ReturnType<EventOrder<EntryName>['take']>): void {
    for (const { event, note, isLate } of ordered) {
      this.#held.delete(nameText(note));
      if (this.isComplete) continue;
      this.#given += 1;
      this.#listener.event(event, note.id, isLate);
      this.#done.push(note);
    }
  }
}

function nameText({ kind, id }: EntryName): string {
  return `${kind} ${id}`;
}
