/**
 * The shape of a limits file, checked with the JSON Schema that editors use too
 * (config/limits.schema.json). Only its statements about types and bounds are taken from it: what keys
 * there are, and what an empty or missing value means, is said better where the rules are read.
 */
import { Ajv, type ErrorObject } from 'ajv';
import schema from '../../config/limits.schema.json' with { type: 'json' };
import { EXPECTED, type FieldKind, fieldOf } from './fields.ts';
import { LOADING } from './node-walk.ts';
import type { Path, ProblemList } from './problem-list.ts';
import type { TreeMap, TreeValue } from './tree.ts';
import type { Places } from './tree-places.ts';

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);

const TYPE_KEYWORDS = new Set(['type', 'minimum', 'maximum']);

/** Kinds whose values are words of Weir's own. */
const WORD_KINDS: ReadonlySet<FieldKind> = new Set(['mode', 'charge', 'quota']);

/** Reports every value that no earlier error explains: of a wrong type, out of bounds, or no word of its key. */
export function checkShape(tree: TreeMap, places: Places, problems: ProblemList): void {
  if (validate(tree)) return;
  for (const error of validate.errors as ErrorObject[]) {
    const path = stepsOf(error.instancePath);
    const name = lastKey(path);
    const kind = fieldOf(name)?.kind ?? 'map';
    const isWord = WORD_KINDS.has(kind);
    const isNoWord = isWord && error.keyword === 'pattern';
    if (!isNoWord && !TYPE_KEYWORDS.has(error.keyword)) continue;
    if (problems.hasErrorAt(path)) continue;
    const message = `${name} must be ${EXPECTED[kind]}, not ${shown(valueAt(tree, path))}`;
    // Of a key that the reference does not know it says nothing that would help.
    const reference = isWord ? message : `${LOADING}unmarshal errors:`;
    problems.error({ offset: places.offsetOf(path), path, message, reference });
  }
}

/** JSON pointer ─▶ steps. Keys of the flat list hold neither `/` nor `~`, so nothing is escaped. */
function stepsOf(pointer: string): Path {
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function lastKey(path: Path): string {
  return path.findLast((step) => typeof step === 'string') ?? '';
}

function valueAt(tree: TreeMap, path: Path): TreeValue | undefined {
  let value: TreeValue | undefined = tree;
  for (const step of path) value = (value as Record<string | number, TreeValue>)[step];
  return value;
}

/** A value in a message, cut to a readable length. */
function shown(value: TreeValue | undefined): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

const SHOWN_MAX = 60;
