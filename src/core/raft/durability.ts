/**
 * Fsync before send (thesis, 3.8): what the disk has, what it was given, what it was not given yet, and
 * the messages that wait for it. One persist is out at a time; changes gather meanwhile and go as one.
 *
 *   note… ─▶ dirty ─flush─▶ in flight (sequence n) ─acknowledge─▶ durable, messages of n released
 *
 * A message that says anything about this node's term, vote or log is held until all that was noted before
 * it is durable. Only a leader's own appends need not wait (10.2.1): they promise nothing about its disk.
 */
import type { MonotonicMs } from '../time.ts';
import type { Persist, Send } from './effect.ts';
import type { LogIndex, NodeId, Term } from './log-entry.ts';
import type { RaftLog } from './raft-log.ts';
import type { Snapshot } from './snapshot.ts';

/** What the next persist must carry. */
interface Dirty {
  readonly truncateFrom: LogIndex | null;
  /** Entries from here to the log's end; null is none. */
  readonly appendFrom: LogIndex | null;
  readonly snapshot: Snapshot | null;
}

interface Flight {
  readonly sequence: number;
  readonly since: MonotonicMs;
  readonly snapshot: Snapshot | null;
  /** Of the log as it was given, less what was cut since. */
  lastIndex: LogIndex;
}

/** Term and vote alone: every persist carries them. */
const HARD_STATE: Dirty = { truncateFrom: null, appendFrom: null, snapshot: null };

export class Durability {
  readonly #heldMax: number;
  #dirty: Dirty | null = null;
  #flight: Flight | null = null;
  #sequence = 0;
  #durableIndex: LogIndex;
  #held: { readonly after: number; readonly send: Send }[] = [];

  /** `durableIndex`: the end of the log that was read from the disk. */
  constructor(durableIndex: LogIndex, heldMax: number) {
    this.#durableIndex = durableIndex;
    this.#heldMax = heldMax;
  }

  /** The disk holds this log up to here: it is what a node may acknowledge, count and apply. */
  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  /** When the persist that is out was given; null while none is. */
  get waitingSince(): MonotonicMs | null {
    return this.#flight?.since ?? null;
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** The sequence that makes everything noted so far durable. */
  get covering(): number {
    return this.#dirty === null ? this.#sequence : this.#sequence + 1;
  }

  isDurable(sequence: number): boolean {
    return sequence < (this.#flight?.sequence ?? this.#sequence + 1);
  }

  noteHardState(): void {
    this.#dirty ??= HARD_STATE;
  }

  noteAppended(from: LogIndex): void {
    const dirty = this.#dirty ?? HARD_STATE;
    this.#dirty = { ...dirty, appendFrom: Math.min(dirty.appendFrom ?? from, from) };
  }

  /** The log was cut: neither what is durable nor what is in flight counts beyond. */
  noteTruncated(from: LogIndex): void {
    const dirty = this.#dirty ?? HARD_STATE;
    this.#dirty = { ...dirty, truncateFrom: Math.min(dirty.truncateFrom ?? from, from) };
    this.#durableIndex = Math.min(this.#durableIndex, from - 1);
    if (this.#flight) this.#flight.lastIndex = Math.min(this.#flight.lastIndex, from - 1);
  }

  noteSnapshot(snapshot: Snapshot): void {
    this.#dirty = { ...(this.#dirty ?? HARD_STATE), snapshot };
  }

  /** Keeps `send` until all that was noted is durable; false when it may go now. */
  hold(send: Send): boolean {
    if (this.isDurable(this.covering)) return false;
    if (this.#held.length < this.#heldMax) this.#held.push({ after: this.covering, send });
    return true;
  }

  /** At a new term: held messages are of the old one, and what they say may hold no more. */
  dropHeld(): void {
    this.#held = [];
  }

  /** The next persist, unless one is out or nothing has changed. */
  flush(
    hardState: { term: Term; vote: NodeId | null },
    log: RaftLog,
    now: MonotonicMs,
  ): Persist | null {
    const dirty = this.#dirty;
    if (dirty === null || this.#flight !== null) return null;
    this.#dirty = null;
    const sequence = ++this.#sequence;
    const { truncateFrom, appendFrom, snapshot } = dirty;
    const { index } = log.last;
    this.#flight = { sequence, since: now, snapshot, lastIndex: index };
    const entries = appendFrom === null ? [] : log.slice(appendFrom, index);
    const { term, vote } = hardState;
    return { kind: 'persist', sequence, term, vote, snapshot, truncateFrom, entries };
  }

  /** Takes an acknowledgement: what may be sent now, and the snapshot that is on the disk now. */
  acknowledge(sequence: number): { sends: Send[]; snapshot: Snapshot | null } {
    const flight = this.#flight;
    if (flight === null || sequence !== flight.sequence) return { sends: [], snapshot: null };
    this.#flight = null;
    this.#durableIndex = Math.max(this.#durableIndex, flight.lastIndex);
    const free = this.#held.findIndex(({ after }) => after > sequence);
    const count = free < 0 ? this.#held.length : free;
    const sends = this.#held.splice(0, count).map(({ send }) => send);
    return { sends, snapshot: flight.snapshot };
  }
}
