/**
 * What one persist says, as one record: all of it is on the disk or nothing. Every record repeats
 * term, vote and the snapshot that the log stands on, so that the records before it may be
 * forgotten as soon as their entries are not needed.
 */
import type { Entry, LogIndex, NodeId, Position, Term } from '../../core/raft/log-entry.ts';
import { FRAME_HEADER_BYTES, sealFrame } from './frame.ts';
import { ByteReader, ByteWriter, VARINT_BYTES_MAX } from './varints.ts';

export interface LogRecord {
  readonly term: Term;
  readonly vote: NodeId | null;
  /** The latest snapshot that was on the disk; LOG_START before the first. */
  readonly snapshot: Position;
  /** Entries from this index on are forgotten, before `entries`; null leaves them. */
  readonly truncateFrom: LogIndex | null;
  /** Without gaps. */
  readonly entries: readonly Entry[];
}

/** Term, vote's length, snapshot, cut, first index, count. */
const NUMBERS = 7;
const NUMBERS_PER_ENTRY = 2;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The record with its frame, as it is written. */
export function encodeRecord(record: LogRecord, number: number): Uint8Array {
  const { term, vote, snapshot, truncateFrom, entries } = record;
  const voteBytes = encoder.encode(vote ?? '');
  const writer = new ByteWriter(sizeMax(voteBytes, entries), FRAME_HEADER_BYTES);
  writer.number(term);
  writer.block(voteBytes);
  writer.number(snapshot.index);
  writer.number(snapshot.term);
  writer.number(truncateFrom ?? 0);
  writer.number(entries[0]?.index ?? 0);
  writer.number(entries.length);
  for (const entry of entries) {
    writer.number(entry.term);
    // 0 is no payload, so that an empty one is told apart.
    writer.number(entry.payload === null ? 0 : entry.payload.length + 1);
    if (entry.payload !== null) writer.raw(entry.payload);
  }
  return sealFrame(writer.finish(), number);
}

function sizeMax(vote: Uint8Array, entries: readonly Entry[]): number {
  const fixed = FRAME_HEADER_BYTES + NUMBERS * VARINT_BYTES_MAX + vote.length;
  const perEntry = NUMBERS_PER_ENTRY * VARINT_BYTES_MAX;
  return entries.reduce((sum, { payload }) => sum + perEntry + (payload?.length ?? 0), fixed);
}

/** Payloads are views of the bytes. Throws when these bytes were not made by `encodeRecord`. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  const reader = new ByteReader(bytes);
  const term = reader.number();
  const vote = decoder.decode(reader.block());
  const snapshot = { index: reader.number(), term: reader.number() };
  const truncateFrom = reader.number();
  const first = reader.number();
  const count = reader.number();
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) entries.push(decodeEntry(reader, first + i));
  reader.finish();
  return {
    term,
    vote: vote === '' ? null : vote,
    snapshot,
    truncateFrom: truncateFrom === 0 ? null : truncateFrom,
    entries,
  };
}

function decodeEntry(reader: ByteReader, index: LogIndex): Entry {
  const term = reader.number();
  const size = reader.number();
  return { index, term, payload: size === 0 ? null : reader.raw(size - 1) };
}
