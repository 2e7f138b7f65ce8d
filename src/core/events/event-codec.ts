/**
 * Events as the fields of a stream's entry: flat pairs of texts, so that `XRANGE` shows them to a person as
 * well. What is read may have been written by anybody: it is checked, bounded, and refused with a reason.
 */
import { parseTime, timeText } from '../hlc/hybrid-time.ts';
import {
  type Detail,
  type Details,
  EVENT_KINDS,
  type EventSource,
  type RecordedEvent,
} from './event.ts';

/** Of the meaning of the fields; a reader refuses any other. */
const VERSION = '1';
/** UTF-16 units of one text: a path, a reason, the beginning of a key. */
export const TEXT_LENGTH_MAX = 512;
/** Of an instance: the name of a host. */
export const INSTANCE_LENGTH_MAX = 255;
/** Of one event; the largest has ten. */
export const DETAILS_MAX = 24;
/** UTF-16 units of all details as JSON, escapes included. */
const DETAILS_LENGTH_MAX = 96 * 1024;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const WHOLE = /^\d{1,16}$/;

export type DecodedEvent =
  | { readonly event: RecordedEvent }
  /** Why the entry is no event that this program knows. */
  | { readonly problem: string };

/** Fields and values in turn. Texts are cut to their bounds. */
export function encodeEvent(event: RecordedEvent): string[] {
  const { kind, name, at, instance, incarnation, sequence, term, details } = event;
  const fields = ['v', VERSION, 'kind', kind, 'name', name, 'at', timeText(at)];
  fields.push('from', instance, 'run', String(incarnation), 'seq', String(sequence));
  if (term !== null) fields.push('term', String(term));
  fields.push('details', JSON.stringify(boundedDetails(details)));
  return fields;
}

/** Never throws, whatever it is given. */
export function decodeEvent(fields: readonly string[]): DecodedEvent {
  const byName = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    byName.set(fields[at] as string, fields[at + 1] as string);
  }
  const version = byName.get('v');
  if (version === undefined) return { problem: 'it has no field v: something else wrote it' };
  if (version !== VERSION) return { problem: `its version ${shown(version)} is not known here` };
  const source = sourceOf(byName);
  if (typeof source === 'string') return { problem: source };
  const kind = EVENT_KINDS.find((known) => known === byName.get('kind'));
  const at = parseTime(byName.get('at') ?? '');
  const sequence = wholeOf(byName.get('seq'));
  const name = byName.get('name') ?? '';
  if (kind === undefined) return wrong('kind', byName);
  if (at === null) return wrong('at', byName);
  if (sequence === null || sequence === 0) return wrong('seq', byName);
  if (!NAME.test(name)) return wrong('name', byName);
  return withDetails(byName, { ...source, kind, at, sequence, name });
}

/** As many characters as an event keeps of a text; never half a surrogate pair. */
export function cut(text: string, lengthMax: number = TEXT_LENGTH_MAX): string {
  if (text.length <= lengthMax) return text.toWellFormed();
  const end = lengthMax - 1;
  const code = text.charCodeAt(end - 1);
  const isHalf = code >= 0xd800 && code <= 0xdbff;
  return `${text.slice(0, isHalf ? end - 1 : end).toWellFormed()}…`;
}

function boundedDetails(details: Details): Details {
  const bounded = Object.entries(details)
    .slice(0, DETAILS_MAX)
    .map(([name, value]) => [name, typeof value === 'string' ? cut(value) : value] as const);
  // Not by assignment: __proto__ is a name like any other.
  return Object.fromEntries(bounded);
}

function sourceOf(fields: ReadonlyMap<string, string>): EventSource | string {
  const instance = fields.get('from') ?? '';
  const incarnation = wholeOf(fields.get('run'));
  if (instance === '' || instance.length > INSTANCE_LENGTH_MAX) return complaint('from', fields);
  return incarnation === null ? complaint('run', fields) : { instance, incarnation };
}

function withDetails(
  fields: ReadonlyMap<string, string>,
  event: Omit<RecordedEvent, 'term' | 'details'>,
): DecodedEvent {
  const term = fields.has('term') ? wholeOf(fields.get('term')) : null;
  if (fields.has('term') && term === null) return wrong('term', fields);
  const details = parseDetails(fields.get('details') ?? '');
  return details === null ? wrong('details', fields) : { event: { ...event, term, details } };
}

function parseDetails(json: string): Details | null {
  if (json.length > DETAILS_LENGTH_MAX) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const entries = Object.entries(parsed);
  if (entries.length > DETAILS_MAX || !entries.every(([, value]) => isDetail(value))) return null;
  return Object.fromEntries(entries) as Details;
}

function isDetail(value: unknown): value is Detail {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function wholeOf(value: string | undefined): number | null {
  const number = value !== undefined && WHOLE.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : null;
}

function wrong(name: string, fields: ReadonlyMap<string, string>): DecodedEvent {
  return { problem: complaint(name, fields) };
}

function complaint(name: string, fields: ReadonlyMap<string, string>): string {
  const value = fields.get(name);
  return value === undefined ? `it has no field ${name}` : `its ${name} ${shown(value)} is none`;
}

const SHOWN_MAX = 40;

function shown(value: string): string {
  return JSON.stringify(cut(value, SHOWN_MAX));
}
