/**
 * The keys of a limits file. The reference knows one flat list of them and accepts each at any level; a
 * key has the same type wherever it stands, so its name alone says how its value is to be read. Weir's own
 * keys come last; they are in that list like the others.
 */

/** How the value of a key is read. `mode`: a failure mode; `free`: any YAML, not checked. */
export type FieldKind =
  | 'text'
  | 'flag'
  | 'number'
  | 'mode'
  | 'charge'
  | 'quota'
  | 'list'
  | 'map'
  | 'free';

/** What a map of the file is. `other`: a map where none belongs. */
export type Level = 'root' | 'descriptor' | 'rate_limit' | 'replaces' | 'other';

export interface Field {
  readonly kind: FieldKind;
  /** Where the key has a meaning; elsewhere it is accepted and does nothing. */
  readonly levels: readonly Level[];
  /** What the maps in its value are. */
  readonly inner: Level;
}

function fieldFor(kind: FieldKind, levels: readonly Level[], inner: Level = 'other'): Field {
  return { kind, levels, inner };
}

const FIELDS: ReadonlyMap<string, Field> = new Map([
  ['domain', fieldFor('text', ['root'])],
  ['descriptors', fieldFor('list', ['root', 'descriptor'], 'descriptor')],
  ['key', fieldFor('text', ['descriptor'])],
  ['value', fieldFor('text', ['descriptor'])],
  ['rate_limit', fieldFor('map', ['descriptor'], 'rate_limit')],
  ['shadow_mode', fieldFor('flag', ['descriptor'])],
  ['quota_mode', fieldFor('flag', ['descriptor'])],
  ['detailed_metric', fieldFor('flag', ['descriptor'])],
  ['value_to_metric', fieldFor('flag', ['descriptor'])],
  ['share_threshold', fieldFor('flag', ['descriptor'])],
  ['metadata', fieldFor('free', ['descriptor'])],
  ['unit', fieldFor('text', ['rate_limit'])],
  ['requests_per_unit', fieldFor('number', ['rate_limit'])],
  ['unlimited', fieldFor('flag', ['rate_limit'])],
  ['replaces', fieldFor('list', ['rate_limit'], 'replaces')],
  ['name', fieldFor('text', ['rate_limit', 'replaces'])],
  ['on_store_failure', fieldFor('mode', ['root', 'descriptor'])],
  ['critical', fieldFor('flag', ['root', 'descriptor'])],
  ['charge', fieldFor('charge', ['root'])],
  ['quota', fieldFor('quota', ['rate_limit'])],
]);

const LEVEL_NAMES: Record<Level, string> = {
  root: 'the top of the file',
  descriptor: 'a descriptor',
  rate_limit: 'rate_limit',
  replaces: 'an entry of replaces',
  other: 'nowhere',
};

export function fieldOf(name: string): Field | undefined {
  return FIELDS.get(name);
}

/** Where a key belongs, for messages. */
export function homeOf(field: Field): string {
  return field.levels.map((level) => LEVEL_NAMES[level]).join(' or ');
}

/** What a value of this kind must be, for messages. */
export const EXPECTED: Record<FieldKind, string> = {
  text: 'text',
  flag: 'true or false',
  number: 'a whole number from 0 to 4294967295',
  mode: 'local, open, closed or error',
  charge: 'all or all_or_nothing',
  quota: 'leased',
  list: 'a list',
  map: 'a map',
  free: 'a map',
};
