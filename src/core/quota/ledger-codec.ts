/**
 * The ledger as bytes: snapshots, and the comparison of voters. Canonical: sessions by id, resources by
 * name, shares by session, each number and text written in its one way. Two ledgers are the same exactly
 * when their bytes are.
 */
import {
  isName,
  NAME_BYTES_MAX,
  RESOURCES_MAX,
  SESSIONS_MAX,
  SHARES_MAX,
  SHARES_PER_SESSION_MAX,
} from './bounds.ts';
import { ByteReader, MalformedBytes } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { SessionId } from './command.ts';
import type { CountBook } from './count-book.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type Book, Ledger, newBook } from './ledger.ts';
import type { QuotaFault } from './options.ts';
import { LIMIT_MAX, windowOf } from './quota.ts';
import { readQuota, writeQuota } from './quota-codec.ts';
import type { RateBook } from './rate-book.ts';
import type { CountShare, RateShare, Session } from './share.ts';
import type { RateShareSize } from './token-bucket.ts';

const VERSION = 1;
const NO_FAULTS: ReadonlySet<QuotaFault> = new Set();

export function encodeLedger(ledger: Ledger): Uint8Array {
  const writer = new ByteWriter();
  writer.number(VERSION).number(ledger.smTime).number(ledger.generation);
  writer.number(ledger.sessions.size);
  for (const [id, session] of sorted(ledger.sessions)) {
    writer.number(id).text(session.instance).number(session.incarnation).number(session.sequence);
  }
  writer.number(ledger.books.size);
  for (const [name, book] of sorted(ledger.books)) {
    writer.text(name);
    writeQuota(writer, book.quota);
    if (book.kind === 'count') writeCounts(writer, book);
    else writeRates(writer, book);
  }
  return writer.finish();
}

/** 16 hexadecimal digits; equal at equal log index on every voter, or some voter has gone astray. */
export function hashLedger(ledger: Ledger): string {
  return fingerprintOf(encodeLedger(ledger));
}

/**
 * @throws MalformedBytes, and nothing else, for bytes that `encodeLedger` never writes: cut off, out of
 * order, out of bounds, or with sums that do not add up. `faults`: TEST ONLY.
 */
export function decodeLedger(bytes: Uint8Array, faults = NO_FAULTS): Ledger {
  const reader = new ByteReader(bytes);
  const version = reader.number();
  if (version !== VERSION) throw new MalformedBytes(`a ledger of version ${version}`);
  const smTime = reader.number();
  const generation = reader.number();
  const sessions = reader.list(SESSIONS_MAX, () => readSession(reader));
  assertAscending(sessions.map(({ id }) => id));
  const ids = new Set(sessions.map(({ id }) => id));
  const books = reader.list(RESOURCES_MAX, () => readBook(reader, ids, faults));
  assertAscending(books.map(([name]) => name));
  reader.end();
  const ledger = Ledger.of({ smTime, generation, sessions, books }, faults);
  assertBounds(ledger);
  return ledger;
}

function writeCounts(writer: ByteWriter, { window, taken, totals, shares }: CountBook): void {
  writer.number(window).number(taken);
  writer.number(totals.granted).number(totals.used);
  writer.number(totals.returned).number(totals.stranded).number(shares.size);
  for (const [session, share] of sorted(shares)) {
    writer.number(session).number(share.term).number(share.generation).number(share.window);
    writer.number(share.granted).number(share.used).number(share.returned);
  }
}

function writeRates(writer: ByteWriter, { shares }: RateBook): void {
  writer.number(shares.size);
  for (const [session, { term, generation, held, target }] of sorted(shares)) {
    writer.number(session).number(term).number(generation);
    writer.number(held.rate).number(held.burst).number(target.rate).number(target.burst);
  }
}

function readSession(reader: ByteReader): Session {
  const id = reader.number();
  const instance = readName(reader);
  return { id, instance, incarnation: reader.number(), sequence: reader.number() };
}

function readBook(
  reader: ByteReader,
  sessions: ReadonlySet<SessionId>,
  faults: ReadonlySet<QuotaFault>,
): [string, Book] {
  const name = readName(reader);
  const quota = readQuota(reader);
  if (quota === null) throw new MalformedBytes('a resource has no quota');
  const book = newBook(quota, 0, faults);
  if (book.kind === 'count') readCounts(reader, book);
  else readRates(reader, book);
  for (const session of book.shares.keys()) {
    if (!sessions.has(session)) throw new MalformedBytes("a share is nobody's");
  }
  return [name, book];
}

function readCounts(reader: ByteReader, book: CountBook): void {
  book.window = reader.number();
  if (book.window !== windowOf(book.quota, book.window)) {
    throw new MalformedBytes('a window begins within another');
  }
  book.taken = reader.number();
  book.totals = {
    granted: reader.number(),
    used: reader.number(),
    returned: reader.number(),
    stranded: reader.number(),
  };
  const shares = reader.list(SESSIONS_MAX, () => readCountShare(reader));
  assertAscending(shares.map(([session]) => session));
  for (const [session, share] of shares) book.shares.set(session, share);
}

function readCountShare(reader: ByteReader): [SessionId, CountShare] {
  const session = reader.number();
  const stamp = { term: reader.number(), generation: reader.number() };
  const window = reader.number();
  const granted = reader.number();
  return [session, { ...stamp, window, granted, used: reader.number(), returned: reader.number() }];
}

function readRates(reader: ByteReader, book: RateBook): void {
  const shares = reader.list(SESSIONS_MAX, () => readRateShare(reader));
  assertAscending(shares.map(([session]) => session));
  for (const [session, share] of shares) book.shares.set(session, share);
}

function readRateShare(reader: ByteReader): [SessionId, RateShare] {
  const session = reader.number();
  const stamp = { term: reader.number(), generation: reader.number() };
  return [session, { ...stamp, held: readSize(reader), target: readSize(reader) }];
}

function readSize(reader: ByteReader): RateShareSize {
  return { rate: reader.number(LIMIT_MAX), burst: reader.number(LIMIT_MAX) };
}

function readName(reader: ByteReader): string {
  const name = reader.text(NAME_BYTES_MAX);
  if (!isName(name)) throw new MalformedBytes('a name is empty');
  return name;
}

/** Bounds that hold for the whole ledger. */
function assertBounds(ledger: Ledger): void {
  let count = 0;
  for (const book of ledger.books.values()) {
    count += book.shares.size;
    for (const { generation } of book.shares.values()) {
      if (generation > ledger.generation) throw new MalformedBytes('a share is of the future');
    }
  }
  if (count > SHARES_MAX) throw new MalformedBytes('there are too many shares');
  for (const id of ledger.sessions.keys()) {
    if (id > ledger.generation) throw new MalformedBytes('a session is of the future');
    if (ledger.resourcesOf(id).size > SHARES_PER_SESSION_MAX) {
      throw new MalformedBytes('a session has too many shares');
    }
  }
  const problem = ledger.problem();
  if (problem !== null) throw new MalformedBytes(problem);
}

function sorted<K extends string | number, V>(
  entries: Iterable<readonly [K, V]>,
): (readonly [K, V])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Each is greater than the one before. */
function assertAscending(keys: readonly (string | number)[]): void {
  const isAscending = keys.every((key, at) => at === 0 || (keys[at - 1] as typeof key) < key);
  if (!isAscending) throw new MalformedBytes('keys are out of order');
}
