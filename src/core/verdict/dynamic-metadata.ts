/**
 * `dynamic_metadata` of the answer: which domain and descriptors were asked, and the metadata of the
 * rules that passed. Envoy puts it under `envoy.filters.http.ratelimit` for later filters and logs.
 */
import type { JsonObject, JsonValue } from '../rules/limits-file.ts';
import {
  type Descriptor,
  HITS_UNSET,
  type LimitOverride,
  type RateLimitRequest,
} from '../rules/request.ts';
import { UNIT_NAMES } from '../rules/unit.ts';
import { Code } from './answer.ts';
import type { Check } from './check.ts';

export function dynamicMetadata(request: RateLimitRequest, checks: readonly Check[]): JsonObject {
  const result: JsonObject = {
    domain: request.domain,
    descriptors: request.descriptors.map(describe),
  };
  if (request.hitsAddend !== 0) result['hitsAddend'] = request.hitsAddend;
  const merged: JsonObject = {};
  for (const { rule, code } of checks) {
    if (rule !== null && rule.metadata !== null && code === Code.OK) merge(merged, rule.metadata);
  }
  if (Object.keys(merged).length > 0) result['metadata'] = merged;
  return result;
}

function describe({ entries, limit, hitsAddend }: Descriptor): JsonObject {
  const described: JsonObject = { entries: entries.map(({ key, value }) => `${key}=${value}`) };
  if (limit !== null) {
    described['limit'] = overrideText(limit);
  }
  if (hitsAddend !== HITS_UNSET) described['hitsAddend'] = hitsAddend;
  return described;
}

/** Protobuf text as the reference prints it: fields at their default are left out. */
function overrideText({ requestsPerUnit, unit }: LimitOverride): string {
  const fields: string[] = [];
  if (requestsPerUnit !== 0) fields.push(`requests_per_unit:${requestsPerUnit}`);
  if (unit !== 0) fields.push(`unit:${UNIT_NAMES[unit] ?? String(unit)}`);
  return fields.join('  ');
}

/**
 * Adds what `into` lacks; the first value of a key wins, and two objects are merged in depth.
 *
 * An object that is taken over stays the rule's own, so what later rules add to it is still there in the
 * next answer. The reference does so, and its recorded answers show it: kept, since configurations that
 * share an object between rules have come to see the union. It is bounded by the metadata of all rules.
 */
function merge(into: JsonObject, from: JsonObject): void {
  for (const [key, value] of Object.entries(from)) {
    const present = Object.hasOwn(into, key) ? into[key] : undefined;
    if (present === undefined) define(into, key, value);
    else if (present !== value && isObject(present) && isObject(value)) merge(present, value);
  }
}

/** Sets a key as data even when it is `__proto__`. */
function define(into: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(into, key, { value, enumerable: true, writable: true, configurable: true });
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
