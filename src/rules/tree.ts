/**
 * The tree of a limits file as plain data: what its nodes mean, with nothing left of YAML. Produced by
 * `TreeReader`, checked by the JSON Schema, read by `readDescriptors`.
 */
import type { JsonObject } from '../core/rules/limits-file.ts';

/** A value that the shape check still has to look at. */
export type TreeValue = string | number | boolean | null | TreeMap | TreeValue[] | JsonObject;
export interface TreeMap {
  [field: string]: TreeValue;
}

/** The domain that a file names; null when it names none, or not by text. */
export function domainOf(tree: TreeMap): string | null {
  const { domain } = tree;
  return typeof domain === 'string' && domain !== '' ? domain : null;
}
