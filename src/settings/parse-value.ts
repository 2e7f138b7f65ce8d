/**
 * The text of one variable to its value, by the row's type. Bools, numbers and durations are read
 * as the reference's language reads them, except that octal-looking numbers are refused as unclear.
 */
import { formatDuration, parseGoDuration } from './go-duration.ts';
import type { Address, Row } from './row.ts';

export type Value = string | number | boolean | Address;

/** `expected` completes the sentence "X must be …"; `text` replaces the sentence. */
export type ParseResult =
  | { readonly value: Value }
  | { readonly expected: string }
  | { readonly text: string };

const BOOLS = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);
const INT = /^[+-]?(?:0|[1-9]\d{0,15})$/;
const FLOAT = /^[+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?$/;
/** RFC 9110, section 5.6.2: token. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** Longest string or path: names and files, not contents. */
const TEXT_LENGTH_MAX = 4096;
/** Most characters of a value shown in a problem. */
const SHOWN_LENGTH_MAX = 80;
/** Control characters break log lines and paths; none of our texts needs one. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

/** An empty text stands for the default, except where a string may be empty. */
export function parseValue(row: Row, text: string): ParseResult {
  switch (row.type) {
    case 'bool':
      return parseBool(text);
    case 'int':
      if (row.word !== undefined && text.toLowerCase() === row.word) return { value: row.word };
      return INT.test(text) ? inRange(row, Number(text)) : { expected: rangeText(row) };
    case 'float':
      return FLOAT.test(text) ? inRange(row, Number(text)) : { expected: rangeText(row) };
    case 'duration':
      return parseDuration(row, text);
    case 'enum':
      return parseEnum(row, text);
    case 'address':
      return parseAddress(text);
    case 'header-name':
      return HEADER_NAME.test(text)
        ? { value: text }
        : { expected: "a header name of up to 128 letters, digits and !#$%&'*+-.^_`|~" };
    default:
      return parseText(text);
  }
}

/** What a value may be, in words: `a whole number from 0 to 65535`. */
export function rangeText(row: Row): string {
  const { type, min, max } = row;
  if (type === 'duration') {
    const [from, to] = [formatDuration(min ?? 0), formatDuration(max ?? 0)];
    return `a duration such as 500ms, 1m30s or 24h, from ${from} to ${to}`;
  }
  const noun = type === 'int' ? 'a whole number without leading zeros' : 'a number';
  const word = row.word === undefined ? '' : `, or ${row.word}`;
  return `${noun} from ${min} to ${max}${word}`;
}

/** A host and a port; the host may be empty, or an IPv6 address in brackets. */
export function splitHostPort(text: string): Address | null {
  const match = /^(\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@[\]]*):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[2]);
  if (port > 65_535) return null;
  const host = match[1] as string;
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port };
}

function parseBool(text: string): ParseResult {
  const value = BOOLS.get(text);
  return value === undefined ? { expected: 'true or false' } : { value };
}

function parseDuration(row: Row, text: string): ParseResult {
  const value = parseGoDuration(text);
  return value === null ? { expected: rangeText(row) } : inRange(row, value);
}

function inRange(row: Row, value: number): ParseResult {
  if (value >= (row.min as number) && value <= (row.max as number)) return { value: value + 0 };
  return { expected: rangeText(row) };
}

function parseEnum(row: Row, text: string): ParseResult {
  const wanted = text.toLowerCase();
  const values = row.values as readonly string[];
  const found = values.find((value) => value.toLowerCase() === wanted);
  if (found !== undefined) return { value: found };
  for (const [refused, advice] of Object.entries(row.refusedValues ?? {})) {
    if (refused.toLowerCase() === wanted) return { text: advice };
  }
  const allowed = values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
  if (row.unknownText === undefined) return { expected: allowed };
  const told = row.unknownText.replace('{value}', () => quotable(text));
  return { text: `${told}; it must be ${allowed}` };
}

/** The start of a foreign text, control characters escaped, to be put into a sentence. */
export function quotable(text: string): string {
  const cut = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return JSON.stringify(cut).slice(1, -1);
}

function parseAddress(text: string): ParseResult {
  const value = splitHostPort(text);
  return value === null
    ? { expected: 'host:port or :port with a port from 0 to 65535' }
    : { value };
}

function parseText(text: string): ParseResult {
  if (text.length > TEXT_LENGTH_MAX) return { expected: `at most ${TEXT_LENGTH_MAX} characters` };
  return CONTROL.test(text) ? { expected: 'text without control characters' } : { value: text };
}
