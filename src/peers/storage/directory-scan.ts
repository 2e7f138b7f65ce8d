/**
 * A voter's directory, read and judged, without changing anything: for a start and for `weir raft
 * inspect`. Files come in as bytes, so it is the same for both. Nothing here throws: what is wrong
 * is found, all of it, and told with file and offset.
 */
import { type Entry, LOG_START, type NodeId, type Term } from '../../core/raft/log-entry.ts';
import { entriesBehind } from '../../core/raft/restored-state.ts';
import type { Snapshot, SnapshotMeta } from '../../core/raft/snapshot.ts';
import { IDENTITY_FILE, segmentName, segmentNumber, snapshotIndex } from './file-names.ts';
import { decodeIdentity, type Identity } from './identity.ts';
import { LogReplay } from './log-replay.ts';
import { type ScannedRecord, scanSegment } from './segment.ts';
import { SegmentSpans } from './segment-spans.ts';
import { decodeSnapshot } from './snapshot-file.ts';

export interface Finding {
  readonly file: string;
  readonly offset: number;
  readonly what: string;
}

export function findingText({ file, offset, what }: Finding): string {
  return `${file} at byte ${offset}: ${what}`;
}

export interface SegmentSummary {
  readonly name: string;
  readonly bytes: number;
  readonly records: readonly ScannedRecord[];
  /** Bytes from the start that are log. */
  readonly soundBytes: number;
}

export interface SnapshotSummary {
  readonly name: string;
  readonly bytes: number;
  /** null when it is damaged. */
  readonly meta: SnapshotMeta | null;
}

export interface DirectoryScan {
  readonly identity: Identity | null;
  /** Oldest first. */
  readonly snapshots: readonly SnapshotSummary[];
  readonly segments: readonly SegmentSummary[];
  readonly spans: SegmentSpans;
  /** Of the next record. */
  readonly nextNumber: number;
  readonly term: Term;
  readonly vote: NodeId | null;
  /** The latest that is intact. */
  readonly snapshot: Snapshot | null;
  /** All that the log holds, behind the snapshot or not. */
  readonly entries: readonly Entry[];
  /** A crash explains it; a start drops it. */
  readonly torn: Finding | null;
  /** Damage that takes nothing away: a spare snapshot's, or one that the log can make good. */
  readonly warnings: readonly Finding[];
  /** The directory does not hold what was acknowledged, or is none. */
  readonly problems: readonly Finding[];
}

/** `files`: by name, every file of the directory that is the storage's. */
export function scanDirectory(files: ReadonlyMap<string, Uint8Array>): DirectoryScan {
  return new Scanner(files).scan();
}

class Scanner {
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #problems: Finding[] = [];
  readonly #warnings: Finding[] = [];
  readonly #segments: SegmentSummary[] = [];
  readonly #snapshots: SnapshotSummary[] = [];
  readonly #spans = new SegmentSpans();
  readonly #replay = new LogReplay();
  #torn: Finding | null = null;
  #nextNumber = 1;
  #snapshot: Snapshot | null = null;

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = files;
  }

  scan(): DirectoryScan {
    const identity = this.#readIdentity();
    for (const name of this.#named(snapshotIndex)) this.#readSnapshot(name);
    const names = this.#named(segmentNumber);
    for (const name of names) this.#readSegment(name, name === names.at(-1));
    if (identity !== null && names.length === 0) {
      this.#report(segmentName(1), 0, 'the log is missing');
    }
    if (this.#problems.length === 0) this.#checkReach();
    return {
      identity,
      snapshots: this.#snapshots,
      segments: this.#segments,
      spans: this.#spans,
      nextNumber: this.#nextNumber,
      ...this.#hardState(),
      snapshot: this.#snapshot,
      entries: this.#replay.entries,
      torn: this.#torn,
      warnings: this.#warnings,
      problems: this.#problems,
    };
  }

  #named(numberOf: (name: string) => number | null): string[] {
    return [...this.#files.keys()].filter((name) => numberOf(name) !== null).sort();
  }

  #readIdentity(): Identity | null {
    const file = this.#files.get(IDENTITY_FILE);
    const identity = file === undefined ? 'it is missing' : decodeIdentity(file);
    if (typeof identity !== 'string') return identity;
    this.#report(IDENTITY_FILE, 0, identity);
    return null;
  }

  #readSnapshot(name: string): void {
    const file = this.#files.get(name) as Uint8Array;
    const snapshot = decodeSnapshot(file);
    if (typeof snapshot === 'string') {
      this.#warnings.push({ file: name, offset: 0, what: snapshot });
      this.#snapshots.push({ name, bytes: file.length, meta: null });
    } else {
      this.#snapshot = snapshot;
      this.#snapshots.push({ name, bytes: file.length, meta: snapshot.meta });
    }
  }

  #readSegment(name: string, isLast: boolean): void {
    const bytes = this.#files.get(name) as Uint8Array;
    const firstNumber = segmentNumber(name) as number;
    const { records, damage } = scanSegment(bytes, firstNumber);
    if (this.#spans.active !== null && firstNumber !== this.#nextNumber) {
      this.#report(name, 0, `the records ${this.#nextNumber} to ${firstNumber - 1} are missing`);
    }
    if (damage !== null) {
      const finding = { file: name, offset: damage.offset, what: damage.what };
      if (damage.isTorn && isLast) this.#torn = finding;
      else this.#problems.push(finding);
    }
    this.#spans.begin(name);
    for (const record of records) this.#replayRecord(name, record);
    const soundBytes = Math.min(damage?.offset ?? bytes.length, bytes.length);
    this.#segments.push({ name, bytes: bytes.length, records, soundBytes });
    this.#nextNumber = firstNumber + records.length;
  }

  #replayRecord(file: string, { offset, bytes, record }: ScannedRecord): void {
    const what = this.#replay.apply(record);
    if (what !== null) this.#report(file, offset, what);
    this.#spans.note(record, bytes);
  }

  /**
   * A snapshot is on the disk before the record that stands on it. So it, or the log instead of it,
   * must reach as far as that record says, and from there to the log's end there is no gap.
   */
  #checkReach(): void {
    const { snapshot: needed, entries } = this.#replay;
    const base = this.#snapshot?.meta ?? LOG_START;
    const [first] = entriesBehind(base, entries);
    const isGap = first !== undefined && first.index !== base.index + 1;
    const isReached =
      base.index >= needed.index ||
      entries.some(({ index, term }) => index === needed.index && term === needed.term);
    if (isReached && !isGap) return;
    const index = isGap ? first.index - 1 : needed.index;
    const damaged = this.#warnings.at(-1);
    const what = `everything up to entry ${index} needs a snapshot that is `;
    this.#report(
      damaged?.file ?? 'snapshot-*',
      0,
      damaged === undefined ? `${what}missing` : `${what}damaged: ${damaged.what}`,
    );
  }

  /**
   * A crash between a snapshot and its record leaves a snapshot of a later term than the log knows.
   * That this voter voted in that term cannot have been told: it would be in the log.
   */
  #hardState(): { term: Term; vote: NodeId | null } {
    const { term, vote } = this.#replay;
    const snapshotTerm = this.#snapshot?.meta.term ?? 0;
    return snapshotTerm > term ? { term: snapshotTerm, vote: null } : { term, vote };
  }

  #report(file: string, offset: number, what: string): void {
    this.#problems.push({ file, offset, what });
  }
}
