/**
 * What a voter's disk must hold, kept in memory, and a source of persists like those that Raft's
 * core makes: terms, votes, appends, cuts, snapshots that were made or that a leader sent.
 */
import type { Persist } from '../../../../src/core/raft/effect.ts';
import {
  type Entry,
  LOG_START,
  type LogIndex,
  type NodeId,
  type Position,
  type Term,
} from '../../../../src/core/raft/log-entry.ts';
import type { RestoredState } from '../../../../src/core/raft/raft-node.ts';
import { entriesBehind } from '../../../../src/core/raft/restored-state.ts';
import { makeSnapshot, type Snapshot } from '../../../../src/core/raft/snapshot.ts';

export class VoterModel implements RestoredState {
  term: Term = 0;
  vote: NodeId | null = null;
  snapshot: Snapshot | null = null;
  entries: Entry[] = [];

  static of({ term, vote, snapshot, entries }: RestoredState): VoterModel {
    return Object.assign(new VoterModel(), { term, vote, snapshot, entries: [...entries] });
  }

  /** The disk after this persist, or after its snapshot alone. */
  after(persist: Persist, part: 'snapshot' | 'all' = 'all'): VoterModel {
    const next = VoterModel.of(this);
    const { term, vote, snapshot, truncateFrom, entries } = persist;
    if (snapshot !== null) next.snapshot = snapshot;
    if (part === 'snapshot') return next;
    if (truncateFrom !== null) next.entries = next.entries.filter((e) => e.index < truncateFrom);
    next.entries.push(...entries);
    return Object.assign(next, { term, vote });
  }

  get last(): Position {
    return entriesBehind(this.base, this.entries).at(-1) ?? this.base;
  }

  get base(): Position {
    return this.snapshot?.meta ?? LOG_START;
  }
}

/** What matters to Raft, as text, so that two states are equal or not. */
export function stateText({ term, vote, snapshot, entries }: RestoredState): string {
  const base = snapshot?.meta ?? LOG_START;
  // A snapshot of a later term than the log's tells that term, and no vote in it.
  const hardState = base.term > term ? `${base.term} null` : `${term} ${vote}`;
  const log = entriesBehind(base, entries).map(
    ({ index, term: of, payload }) =>
      `${index}/${of}:${payload && Buffer.from(payload).toString('base64')}`,
  );
  return `term ${hardState} snapshot ${base.index}/${base.term} log ${log.join(' ')}`;
}

export interface PersistSource {
  readonly random: (n: number) => number;
  /** Grows, so that no two entries are equal by chance. */
  count: number;
}

const PAYLOAD_SIZES: readonly number[] = [0, 1, 7, 40, 511, 700, 1600];

/** A persist that may follow what the disk holds. */
export function nextPersist(state: VoterModel, source: PersistSource): Persist {
  const { random } = source;
  const base: Persist = {
    kind: 'persist',
    sequence: ++source.count,
    ...termAndVote(state, source),
    snapshot: null,
    truncateFrom: null,
    entries: [],
  };
  const kind = random(10);
  if (kind < 1) return base;
  if (kind < 2) return installing(state, base, source);
  if (kind < 4) return { ...making(state, base, source) };
  const cut = kind < 6 ? cutOf(state, source) : null;
  const last = cut === null ? state.last : positionBefore(state, cut);
  return { ...base, truncateFrom: cut, entries: entriesAfter(last, base.term, source) };
}

function termAndVote(
  { term, vote, base }: VoterModel,
  { random }: PersistSource,
): Pick<Persist, 'term' | 'vote'> {
  const known = Math.max(term, base.term);
  if (known > 0 && random(4) > 0) return { term: known, vote: known === term ? vote : null };
  return { term: known + 1 + random(2), vote: [null, 'a', 'b'][random(3)] ?? null };
}

function entriesAfter({ index }: Position, term: Term, source: PersistSource): Entry[] {
  return Array.from({ length: source.random(5) }, (_, i) => ({
    index: index + 1 + i,
    term,
    payload: payloadOf(source),
  }));
}

function payloadOf(source: PersistSource): Uint8Array | null {
  const which = source.random(PAYLOAD_SIZES.length + 1);
  const size = PAYLOAD_SIZES[which];
  if (size === undefined) return null;
  const payload = new Uint8Array(size);
  // Some are zeros, which is also what a lost sector reads as.
  if (source.random(3) > 0) payload.fill(++source.count % 256);
  return payload;
}

/** An index behind the snapshot, whose entries nobody needs to keep. */
function cutOf(state: VoterModel, { random }: PersistSource): LogIndex | null {
  const behind = state.last.index - state.base.index;
  return behind === 0 ? null : state.base.index + 1 + random(behind);
}

function positionBefore(state: VoterModel, index: LogIndex): Position {
  return state.entries.find((entry) => entry.index === index - 1) ?? state.base;
}

/** The state machine's own snapshot, and maybe entries that came meanwhile. */
function making(state: VoterModel, persist: Persist, source: PersistSource): Persist {
  const kept = entriesBehind(state.base, state.entries);
  const at = kept[source.random(kept.length)];
  const snapshot = at === undefined ? null : makeSnapshot(at, bytesOf(source));
  const entries = source.random(2) === 0 ? [] : entriesAfter(state.last, persist.term, source);
  return { ...persist, snapshot, entries };
}

/** A leader's snapshot takes the log's place: it may end behind the log or contradict it. */
function installing(state: VoterModel, persist: Persist, source: PersistSource): Persist {
  const index = state.base.index + 1 + source.random(6);
  const at = { index, term: persist.term };
  const entries = source.random(2) === 0 ? [] : entriesAfter(at, persist.term, source);
  const truncateFrom = state.base.index + 1;
  return { ...persist, snapshot: makeSnapshot(at, bytesOf(source)), truncateFrom, entries };
}

function bytesOf({ random }: PersistSource): Uint8Array {
  return new Uint8Array(random(1200)).fill(random(3));
}
