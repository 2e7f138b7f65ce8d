/**
 * The question Envoy asks, decoded: `envoy.service.ratelimit.v3.RateLimitRequest` (rls.proto) with
 * its defaults applied where they carry no meaning and kept where they do.
 */

/** `RateLimitDescriptor.Entry`. */
export interface Entry {
  readonly key: string;
  /** May be empty. */
  readonly value: string;
}

/** `RateLimitDescriptor.RateLimitOverride`. */
export interface LimitOverride {
  /** 0..2^32-1. */
  readonly requestsPerUnit: number;
  /** As sent: check with `isUnit` before use. */
  readonly unit: number;
}

/** `hitsAddend` of a descriptor that does not set it. */
export const HITS_UNSET = -1;

/** `RateLimitDescriptor`. */
export interface Descriptor {
  readonly entries: readonly Entry[];
  readonly limit: LimitOverride | null;
  /** 0..2^53-1, or HITS_UNSET. 0 is a peek. */
  readonly hitsAddend: number;
  /** Hits are given back instead of charged (field 4, since Envoy 1.38). */
  readonly isNegativeHits: boolean;
}

/** `RateLimitRequest`. */
export interface RateLimitRequest {
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
  /** 0..2^32-1; 0 means 1. */
  readonly hitsAddend: number;
}
