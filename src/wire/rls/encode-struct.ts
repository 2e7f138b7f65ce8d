/** JSON as `google.protobuf.Struct` (struct.proto), written backwards like all of an answer. */
import type { JsonObject, JsonValue } from '../../core/rules/limits-file.ts';
import type { WireWriter } from './wire-writer.ts';

/** Tags: field number << 3 | wire type. */
const STRUCT_FIELDS = 0x0a;
const FIELD_KEY = 0x0a;
const FIELD_VALUE = 0x12;
const LIST_VALUES = 0x0a;
const VALUE_NULL = 0x08;
const VALUE_NUMBER = 0x11;
const VALUE_STRING = 0x1a;
const VALUE_BOOL = 0x20;
const VALUE_STRUCT = 0x2a;
const VALUE_LIST = 0x32;

/**
 * Objects and lists inside each other. Each costs up to three nested messages, and protobuf's
 * readers, Envoy's among them, refuse a message with more than 100: what lies deeper is written as
 * null, which costs a value where a refused answer would cost the decision.
 */
export const STRUCT_DEPTH_MAX = 30;

/** Writes the fields of a Struct, without tag and length. */
export function writeStruct(writer: WireWriter, object: JsonObject): void {
  writeFields(writer, object, 1);
}

function writeFields(writer: WireWriter, object: JsonObject, depth: number): void {
  const keys = Object.keys(object);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] as string;
    const mark = writer.written;
    writeValue(writer, object[key] as JsonValue, depth);
    writer.byte(FIELD_VALUE);
    writer.text(key);
    writer.byte(FIELD_KEY);
    writer.length(mark);
    writer.byte(STRUCT_FIELDS);
  }
}

/** Writes a Value with its length, without its tag. */
function writeValue(writer: WireWriter, value: JsonValue, depth: number): void {
  const mark = writer.written;
  switch (typeof value) {
    case 'string':
      writer.text(value);
      writer.byte(VALUE_STRING);
      break;
    case 'number':
      writer.double(value);
      writer.byte(VALUE_NUMBER);
      break;
    case 'boolean':
      writer.byte(value ? 1 : 0);
      writer.byte(VALUE_BOOL);
      break;
    default:
      writeNested(writer, value, depth);
  }
  writer.length(mark);
}

function writeNested(
  writer: WireWriter,
  value: null | JsonValue[] | JsonObject,
  depth: number,
): void {
  if (value === null || depth >= STRUCT_DEPTH_MAX) {
    writer.byte(0);
    writer.byte(VALUE_NULL);
    return;
  }
  const mark = writer.written;
  if (Array.isArray(value)) {
    writeItems(writer, value, depth + 1);
    writer.length(mark);
    writer.byte(VALUE_LIST);
  } else {
    writeFields(writer, value, depth + 1);
    writer.length(mark);
    writer.byte(VALUE_STRUCT);
  }
}

function writeItems(writer: WireWriter, items: readonly JsonValue[], depth: number): void {
  for (let i = items.length - 1; i >= 0; i--) {
    writeValue(writer, items[i] as JsonValue, depth);
    writer.byte(LIST_VALUES);
  }
}
