/**
 * The environment to Settings, or to all its problems at once. A problem names the variable, what
 * it was set to, what is allowed and what to do; a note tells what is accepted but has no effect
 * here. Neither ever shows a secret.
 */
import { buildSettings } from './build-settings.ts';
import { nearestName } from './near-name.ts';
import { parseValue, quotable, type Value } from './parse-value.ts';
import type { Row, RowType } from './row.ts';
import { Secret } from './secret.ts';
import type { Settings } from './settings.ts';
import { SETTINGS_TABLE, type Values } from './table.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type ReadResult =
  | { readonly settings: Settings; readonly notes: readonly string[] }
  | { readonly problems: readonly string[]; readonly notes: readonly string[] };

/** Most mistyped names told of: an environment may hold anything. */
const UNKNOWN_NAMES_MAX = 20;
/** Types whose empty text is a value; for all others it stands for the default. */
const MAY_BE_EMPTY: ReadonlySet<RowType> = new Set(['string', 'path']);

/** Never throws, and reads nothing but `env`. */
export function readSettings(env: Environment): ReadResult {
  const problems: string[] = [];
  const notes: string[] = [];
  const values: Record<string, Value> = {};
  for (const row of SETTINGS_TABLE) {
    values[row.name] = readRow(row, env[row.name], { problems, notes });
  }
  noteUnknown(env, notes);
  const settings = buildSettings({
    values: values as unknown as Values,
    isSet: (name) => (env[name] ?? '') !== '',
    problems,
    notes,
  });
  return problems.length > 0 ? { problems, notes } : { settings: frozen(settings), notes };
}

interface Lists {
  readonly problems: string[];
  readonly notes: string[];
}

/** The value of a row; after a problem its default, so that reading goes on. */
function readRow(row: Row, text: string | undefined, { problems, notes }: Lists): Value {
  const byDefault = defaultOf(row);
  if (text === undefined || (text === '' && !MAY_BE_EMPTY.has(row.type))) return byDefault;
  const result = parseValue(row, text);
  if ('expected' in result) {
    problems.push(`${shown(row, text)} must be ${result.expected}${example(row)}`);
    return byDefault;
  }
  if ('text' in result) {
    problems.push(`${shown(row, text)}: ${result.text}`);
    return byDefault;
  }
  if (row.status !== 'built' && !isSame(result.value, byDefault)) {
    const list = row.status === 'refused' ? problems : notes;
    list.push(`${shown(row, text)}: ${row.because}`);
  }
  return result.value;
}

/** A row without a default is '' unset; the types that have none treat it so. */
export function defaultOf(row: Row): Value {
  if (row.default === '') return '';
  const result = parseValue(row, row.default);
  if ('value' in result) return result.value;
  throw new Error(`the default of ${row.name} is not valid`);
}

function isSame(a: Value, b: Value): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** `PORT="abc"`: quoted, so that spaces and control characters show; cut; secrets starred. */
function shown(row: Row, text: string): string {
  if (row.secret === true) return `${row.name}=***`;
  return `${row.name}="${quotable(text)}"`;
}

function example(row: Row): string {
  return row.default === '' ? '' : `; for example ${row.name}=${row.default}`;
}

function noteUnknown(env: Environment, notes: string[]): void {
  const names = new Set(SETTINGS_TABLE.map((row) => row.name));
  let found = 0;
  for (const name of Object.keys(env)) {
    if (names.has(name) || found === UNKNOWN_NAMES_MAX) continue;
    const nearest = nearestName(name, names);
    if (nearest === null) continue;
    found += 1;
    notes.push(`${name} is not a setting: was ${nearest} meant?`);
  }
}

/** Freezes plain objects all the way down; a Secret keeps its own state. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
