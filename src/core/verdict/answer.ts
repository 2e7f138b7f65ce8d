/** What is answered, before it is encoded: `RateLimitResponse` (rls.proto) without wire details. */
import type { JsonObject } from '../rules/limits-file.ts';
import type { Rule } from '../rules/rule.ts';

/** `RateLimitResponse.Code`. */
export const Code = { UNKNOWN: 0, OK: 1, OVER_LIMIT: 2 } as const;
export type Code = (typeof Code)[keyof typeof Code];

/** `limit_remaining` of an unlimited rule. */
export const REMAINING_UNLIMITED = 4_294_967_295;

/** `RateLimitResponse.DescriptorStatus`. */
export interface Status {
  readonly code: Code;
  /** `current_limit` is written from it unless it is null or unlimited. */
  readonly rule: Rule | null;
  /** 0..2^32-1. */
  readonly remaining: number;
  /** Whole seconds; written only with a current_limit. */
  readonly resetSeconds: number;
}

/** `config.core.v3.HeaderValue`. */
export interface Header {
  readonly key: string;
  readonly value: string;
}

/** `RateLimitResponse`. */
export interface Answer {
  readonly overallCode: Code;
  readonly statuses: readonly Status[];
  readonly responseHeaders: readonly Header[] | null;
  /** `dynamic_metadata`, as JSON of the Struct. */
  readonly dynamicMetadata: JsonObject | null;
}
