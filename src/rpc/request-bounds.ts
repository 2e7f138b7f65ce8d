/**
 * Bounds on what a caller may send, so that no request costs more memory, key space or time than
 * another service would grant it. Checked after decoding and before anything else sees the request.
 *
 * The defaults (src/settings) are beyond what Envoy sends. A bound that real traffic met would be a hole: Envoy
 * lets a request pass when the rate limit service answers an error, so a client could escape its
 * limit by sending, say, a long path. Hence values may be longer than all headers that Envoy
 * accepts (60 KiB by default), and a message several times as long as that.
 */
import type { Descriptor, RateLimitRequest } from '../core/rules/request.ts';
import { descriptorsFault, entriesFault } from './count-guard.ts';
import { beyondBound, EMPTY_DESCRIPTORS, EMPTY_DOMAIN, type GrpcError } from './grpc-errors.ts';

export interface RequestBounds {
  /** REQUEST_DOMAIN_BYTES_MAX: a domain is written by hand in Envoy's configuration. */
  readonly domainBytesMax: number;
  /** REQUEST_DESCRIPTORS_MAX: one per `rate_limits` entry of a route, tens at most. */
  readonly descriptorsMax: number;
  /** REQUEST_ENTRIES_MAX: one per action of such an entry, some ten at most. */
  readonly entriesMax: number;
  /** REQUEST_KEY_BYTES_MAX: keys are written by hand too. */
  readonly keyBytesMax: number;
  /** REQUEST_VALUE_BYTES_MAX: Envoy's default max_request_headers_kb is 60. */
  readonly valueBytesMax: number;
  /**
   * REQUEST_MESSAGE_BYTES_MAX: the whole message, or the body of POST /json. Requests have some hundred
   * bytes; one that repeats all of Envoy's 60 KiB of headers in each of ten descriptors fits the
   * default. More would only be memory that a hostile caller can ask for.
   */
  readonly messageBytesMax: number;
}

/** A message somewhat beyond the bound is answered by us, naming the setting. */
const TRANSPORT_MARGIN_BYTES = 64 * 1024;

/** The longest message that the listener should hand over; of longer ones it says itself so. */
export function transportBytesMax(bounds: RequestBounds): number {
  return bounds.messageBytesMax + TRANSPORT_MARGIN_BYTES;
}

/** What the message's length alone is refused for; null when it is within its bound. */
export function messageFault(lengthBytes: number, bounds: RequestBounds): GrpcError | null {
  if (lengthBytes <= bounds.messageBytesMax) return null;
  return tooLong('message', lengthBytes, bounds.messageBytesMax, 'REQUEST_MESSAGE_BYTES_MAX');
}

/** What the request is refused for, the reference's own checks first; null when it is fine. */
export function requestFault(request: RateLimitRequest, bounds: RequestBounds): GrpcError | null {
  const { domain, descriptors } = request;
  if (domain.length === 0) return EMPTY_DOMAIN;
  if (descriptors.length === 0) return EMPTY_DESCRIPTORS;
  if (isLonger(domain, bounds.domainBytesMax)) {
    const max = bounds.domainBytesMax;
    return tooLong('domain', utf8Bytes(domain), max, 'REQUEST_DOMAIN_BYTES_MAX');
  }
  const count = descriptors.length;
  const tooMany = descriptorsFault(count, bounds);
  if (tooMany !== null) return tooMany;
  for (let at = 0; at < count; at += 1) {
    const fault = descriptorFault(descriptors[at] as Descriptor, at, bounds);
    if (fault !== null) return fault;
  }
  return null;
}

function descriptorFault(
  descriptor: Descriptor,
  at: number,
  bounds: RequestBounds,
): GrpcError | null {
  const { entries } = descriptor;
  const tooMany = entriesFault(at, entries.length, bounds);
  if (tooMany !== null) return tooMany;
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index] as Descriptor['entries'][number];
    if (isLonger(entry.key, bounds.keyBytesMax)) {
      const subject = `descriptors[${at}].entries[${index}].key`;
      const max = bounds.keyBytesMax;
      return tooLong(subject, utf8Bytes(entry.key), max, 'REQUEST_KEY_BYTES_MAX');
    }
    if (isLonger(entry.value, bounds.valueBytesMax)) {
      const subject = `descriptors[${at}].entries[${index}].value`;
      const max = bounds.valueBytesMax;
      return tooLong(subject, utf8Bytes(entry.value), max, 'REQUEST_VALUE_BYTES_MAX');
    }
  }
  return null;
}

/** A UTF-16 unit is 1 to 3 bytes of UTF-8, so the exact count is needed only near the bound. */
function isLonger(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return false;
  return text.length > bytesMax || utf8Bytes(text) > bytesMax;
}

const encoder = new TextEncoder();

function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

function tooLong(subject: string, bytes: number, max: number, setting: string): GrpcError {
  return beyondBound(subject, `${bytes} bytes`, max, setting);
}
