/**
 * `envoy.service.ratelimit.v3.RateLimitResponse` to bytes, by the field numbers of rls.proto.
 * Fields that have proto3's default are left out, the others come in the order of their numbers, so
 * the bytes are those of any canonical protobuf writer. Written backwards: see wire-writer.ts.
 */
import type { JsonObject } from '../../core/rules/limits-file.ts';
import type { Rule } from '../../core/rules/rule.ts';
import type { Answer, Header, Status } from '../../core/verdict/answer.ts';
import { writeStruct } from './encode-struct.ts';
import { WireWriter } from './wire-writer.ts';

/** Tags: field number << 3 | wire type. */
const RESPONSE_OVERALL_CODE = 0x08;
const RESPONSE_STATUSES = 0x12;
const RESPONSE_HEADERS_TO_ADD = 0x1a;
const RESPONSE_DYNAMIC_METADATA = 0x32;
const STATUS_CODE = 0x08;
const STATUS_CURRENT_LIMIT = 0x12;
const STATUS_LIMIT_REMAINING = 0x18;
const STATUS_DURATION_UNTIL_RESET = 0x22;
const LIMIT_REQUESTS_PER_UNIT = 0x08;
const LIMIT_UNIT = 0x10;
const LIMIT_NAME = 0x1a;
const DURATION_SECONDS = 0x08;
const HEADER_KEY = 0x0a;
const HEADER_VALUE = 0x12;

/** Encoding never pauses, so one writer serves all. */
const writer = new WireWriter();

/** Encodes an answer; the bytes are valid until the next one is encoded. */
export function encodeRateLimitResponse(answer: Answer): Uint8Array {
  const { statuses, responseHeaders, dynamicMetadata } = answer;
  writer.start();
  if (dynamicMetadata !== null) writeMetadata(dynamicMetadata);
  if (responseHeaders !== null) writeHeaders(responseHeaders);
  for (let i = statuses.length - 1; i >= 0; i--) writeStatus(statuses[i] as Status);
  if (answer.overallCode !== 0) {
    writer.byte(answer.overallCode);
    writer.byte(RESPONSE_OVERALL_CODE);
  }
  return writer.finish();
}

function writeMetadata(metadata: JsonObject): void {
  const mark = writer.written;
  writeStruct(writer, metadata);
  writer.length(mark);
  writer.byte(RESPONSE_DYNAMIC_METADATA);
}

function writeHeaders(headers: readonly Header[]): void {
  for (let i = headers.length - 1; i >= 0; i--) {
    const { key, value } = headers[i] as Header;
    const mark = writer.written;
    writeText(HEADER_VALUE, value);
    writeText(HEADER_KEY, key);
    writer.length(mark);
    writer.byte(RESPONSE_HEADERS_TO_ADD);
  }
}

function writeStatus(status: Status): void {
  const { rule } = status;
  const mark = writer.written;
  const hasLimit = rule !== null && !rule.unlimited;
  if (hasLimit) writeDuration(status.resetSeconds);
  writeNumber(STATUS_LIMIT_REMAINING, status.remaining);
  if (hasLimit) writeLimit(rule);
  writeNumber(STATUS_CODE, status.code);
  writer.length(mark);
  writer.byte(RESPONSE_STATUSES);
}

function writeLimit(rule: Rule): void {
  const mark = writer.written;
  writeText(LIMIT_NAME, rule.name);
  writeNumber(LIMIT_UNIT, rule.unit);
  writeNumber(LIMIT_REQUESTS_PER_UNIT, rule.requestsPerUnit);
  writer.length(mark);
  writer.byte(STATUS_CURRENT_LIMIT);
}

/** A Duration of whole seconds, present even when it is 0. */
function writeDuration(seconds: number): void {
  const mark = writer.written;
  writeNumber(DURATION_SECONDS, seconds);
  writer.length(mark);
  writer.byte(STATUS_DURATION_UNTIL_RESET);
}

function writeNumber(tag: number, value: number): void {
  if (value === 0) return;
  writer.uint32(value);
  writer.byte(tag);
}

function writeText(tag: number, value: string): void {
  if (value === '') return;
  writer.text(value);
  writer.byte(tag);
}
