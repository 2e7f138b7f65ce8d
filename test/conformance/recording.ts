/**
 * The form of the recorded answers: what a case sets up, what it asks, and what the reference said.
 * Recorded messages are spelled by another protobuf library than ours, so both sides are brought to one
 * form here: proto3 JSON, with seconds until reset replaced by a mark after a check of their range.
 */
import { readFileSync } from 'node:fs';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { UNIT_NAMES, UNIT_SECONDS } from '../../src/core/rules/unit.ts';
import type { Outcome } from '../support/rls-client.ts';

export interface HttpStep {
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
}

/** One of these is set. */
export interface Step {
  /** ShouldRateLimit over gRPC. */
  readonly request?: JsonObject;
  /** The HTTP port. */
  readonly http?: HttpStep;
  /** Prometheus samples whose line starts with one of these. */
  readonly metrics?: readonly string[];
  /** The debug dump of the rules. */
  readonly rlconfig?: true;
  /** Limits files to change; null removes one. */
  readonly write?: Readonly<Record<string, string | null>>;
  /** Time for what was written to come into force. */
  readonly waitMs?: number;
  readonly expect?: JsonValue;
}

export interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const RESET_MARK = '1..unit';
const RESET_HEADER_MARK = 'seconds';

export function readCases(file: string): readonly Case[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return (JSON.parse(text) as { cases: Case[] }).cases;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A recorded request as proto3 JSON: there a wrapper is written as the value it wraps. */
export function requestJson(recorded: JsonObject): JsonObject {
  const descriptors = (recorded['descriptors'] ?? []) as JsonObject[];
  return {
    ...recorded,
    descriptors: descriptors.map(({ hitsAddend, ...rest }) =>
      isObject(hitsAddend) ? { ...rest, hitsAddend: hitsAddend['value'] ?? '0' } : rest,
    ),
  };
}

/** A recorded answer in the form of `comparable`. */
export function expectedOutcome(recorded: JsonValue): JsonValue {
  if (!isObject(recorded) || !isObject(recorded['response'])) return recorded;
  const { dynamicMetadata, ...response } = recorded['response'];
  if (!isObject(dynamicMetadata)) return { response };
  return { response: { ...response, dynamicMetadata: structJson(dynamicMetadata) } };
}

/** `google.protobuf.Struct` spelled out, as plain JSON. */
function structJson(struct: JsonObject): JsonObject {
  const fields = (struct['fields'] ?? {}) as Record<string, JsonObject>;
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, valueJson(value)]));
}

function valueJson(value: JsonObject): JsonValue {
  const { structValue, listValue } = value;
  if (isObject(structValue)) return structJson(structValue);
  if (isObject(listValue)) return ((listValue['values'] ?? []) as JsonObject[]).map(valueJson);
  return value['stringValue'] ?? value['numberValue'] ?? value['boolValue'] ?? null;
}

/** An answer of the service under test, with what depends on the time of day replaced by marks. */
export function comparable(outcome: Outcome, resetHeader: string): JsonValue {
  if ('error' in outcome) return { error: outcome.error };
  const { statuses, responseHeadersToAdd, ...rest } = outcome.response;
  const response: JsonObject = { ...rest };
  if (statuses !== undefined) response['statuses'] = (statuses as JsonObject[]).map(markReset);
  if (responseHeadersToAdd !== undefined) {
    response['responseHeadersToAdd'] = (responseHeadersToAdd as JsonObject[]).map((header) =>
      String(header['key']).toLowerCase() === resetHeader.toLowerCase()
        ? { ...header, value: markSeconds(String(header['value'])) }
        : header,
    );
  }
  return { response };
}

function markReset(status: JsonObject): JsonObject {
  const { durationUntilReset: reset, currentLimit } = status;
  if (reset === undefined) return status;
  const unit = isObject(currentLimit) ? UNIT_NAMES.indexOf(String(currentLimit['unit'])) : 0;
  const seconds = /^\d+s$/.test(String(reset)) ? Number.parseInt(String(reset), 10) : -1;
  const isInRange = seconds >= 1 && seconds <= (UNIT_SECONDS[unit] ?? 0);
  return { ...status, durationUntilReset: isInRange ? RESET_MARK : `out of range: ${reset}` };
}

function markSeconds(value: string): string {
  return /^\d+$/.test(value) ? RESET_HEADER_MARK : `not a number: ${value}`;
}
