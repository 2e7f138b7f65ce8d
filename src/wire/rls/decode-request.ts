/**
 * `envoy.service.ratelimit.v3.RateLimitRequest` from its bytes, by the field numbers of rls.proto
 * and ratelimit.proto. Written by hand because it runs for every request, and the generated code
 * needs four times as long for the same result (test/wire/rls compares the two).
 *
 * As proto3 has it: the last of a repeated scalar wins, the parts of a repeated embedded message
 * are merged, unknown fields are passed over, and so are known ones that come with another wire
 * type.
 */
import {
  type Descriptor,
  type Entry,
  HITS_UNSET,
  type LimitOverride,
  type RateLimitRequest,
} from '../../core/rules/request.ts';
import { WireReader } from './wire-reader.ts';

/** Tags: field number << 3 | wire type. */
const REQUEST_DOMAIN = 0x0a;
const REQUEST_DESCRIPTORS = 0x12;
const REQUEST_HITS_ADDEND = 0x18;
const DESCRIPTOR_ENTRIES = 0x0a;
const DESCRIPTOR_LIMIT = 0x12;
const DESCRIPTOR_HITS_ADDEND = 0x1a;
const DESCRIPTOR_IS_NEGATIVE_HITS = 0x20;
const ENTRY_KEY = 0x0a;
const ENTRY_VALUE = 0x12;
const OVERRIDE_REQUESTS_PER_UNIT = 0x08;
const OVERRIDE_UNIT = 0x10;
const WRAPPER_VALUE = 0x08;

/** Decoding never pauses, so one reader serves all. */
const reader = new WireReader();

/**
 * Decodes a request. Counts of descriptors and entries are the caller's to check; the work and the
 * objects made are at most proportional to the message.
 * @throws MalformedMessage, and nothing else, when the bytes are no such message.
 */
export function decodeRateLimitRequest(bytes: Uint8Array): RateLimitRequest {
  reader.open(bytes);
  try {
    return decodeRequest();
  } finally {
    reader.close();
  }
}

function decodeRequest(): RateLimitRequest {
  let domain = '';
  let hitsAddend = 0;
  let descriptors: Descriptor[] | null = null;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === REQUEST_DOMAIN) domain = reader.knownText('domain');
    else if (tag === REQUEST_DESCRIPTORS) descriptors = append(descriptors, decodeDescriptor());
    else if (tag === REQUEST_HITS_ADDEND) hitsAddend = reader.uint32();
    else reader.skip(tag);
  }
  return { domain, descriptors: descriptors ?? [], hitsAddend };
}

function decodeDescriptor(): Descriptor {
  let entries: Entry[] | null = null;
  let limit: LimitOverride | null = null;
  let hitsAddend = HITS_UNSET;
  let isNegativeHits = false;
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === DESCRIPTOR_ENTRIES) entries = append(entries, decodeEntry());
    else if (tag === DESCRIPTOR_LIMIT) limit = decodeOverride(limit);
    else if (tag === DESCRIPTOR_HITS_ADDEND) hitsAddend = decodeHitsAddend(hitsAddend);
    else if (tag === DESCRIPTOR_IS_NEGATIVE_HITS) isNegativeHits = reader.bool();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { entries: entries ?? [], limit, hitsAddend, isNegativeHits };
}

function decodeEntry(): Entry {
  let key = '';
  let value = '';
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === ENTRY_KEY) key = reader.knownText('entry key');
    else if (tag === ENTRY_VALUE) value = reader.text('entry value');
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { key, value };
}

/** `previous` is what earlier parts of the same field said. */
function decodeOverride(previous: LimitOverride | null): LimitOverride {
  let requestsPerUnit = previous === null ? 0 : previous.requestsPerUnit;
  let unit = previous === null ? 0 : previous.unit;
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === OVERRIDE_REQUESTS_PER_UNIT) requestsPerUnit = reader.uint32();
    else if (tag === OVERRIDE_UNIT) unit = reader.int32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { requestsPerUnit, unit };
}

/** A UInt64Value: present but empty is 0. */
function decodeHitsAddend(previous: number): number {
  let hits = previous === HITS_UNSET ? 0 : previous;
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === WRAPPER_VALUE) hits = reader.uint53('hits_addend');
    else reader.skip(tag);
  }
  reader.leave(outer);
  return hits;
}

/** A literal of one holds one; growing an empty array would make room for seventeen. */
function append<T>(list: T[] | null, item: T): T[] {
  if (list === null) return [item];
  list.push(item);
  return list;
}
