/**
 * YAML nodes ─▶ plain tree, by the reference's reading of YAML: of keys given twice the last counts,
 * `<<` merges where it stands (so it overrides what came before it), text keeps its raw form, and every
 * key of the flat list is accepted at every level. Finds the problems that only the nodes can show:
 * unknown keys, lists of anything but maps, fractions, aliases out of bounds.
 */
import {
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { EXPECTED, type Field, fieldOf, homeOf, type Level } from './fields.ts';
import { readFree } from './free-value.ts';
import { LOADING, type NodeWalk, printed, scalarText } from './node-walk.ts';
import type { TreeMap, TreeValue } from './tree.ts';

/** One key of a map, after merges. */
interface Entry {
  readonly key: Node | null;
  readonly value: Node | null;
  readonly isMerged: boolean;
  /** The one that this one replaced. */
  readonly before: Entry | undefined;
}
type Entries = Map<string, Entry>;

export class TreeReader {
  readonly #walk: NodeWalk;

  constructor(walk: NodeWalk) {
    this.#walk = walk;
  }

  /** The whole file; an empty one is an empty map. Null, with an error, when the root is no map. */
  readRoot(root: Node | null): TreeMap | null {
    if (root === null || (isScalar(root) && this.#walk.resolve(root).kind === 'null')) return {};
    if (isMap(root)) return this.#map(root, 'root');
    const found = isSeq(root) ? 'a list' : 'text';
    const message = `a limits file must be a map with a domain, not ${found}`;
    this.#walk.error(root, message, `${LOADING}unmarshal errors:`);
    return null;
  }

  /** A part of the root's `descriptors:` that stands on its own. */
  readDescriptors(list: YAMLSeq): TreeValue[] {
    if (!this.#walk.enter(list, list)) return [];
    const descriptors = this.#list(list, 'descriptor');
    this.#walk.leave(list, list);
    return descriptors;
  }

  #map(node: YAMLMap, level: Level): TreeMap {
    const entries: Entries = new Map();
    this.#collect(node, entries, false);
    const tree: TreeMap = {};
    for (const [name, entry] of entries) {
      const field = fieldOf(name);
      this.#walk.path.push(name);
      if (field === undefined) {
        this.#walk.error(entry.key, `config error, unknown key '${name}'`);
      } else {
        this.#warnAbout(name, entry, field, level);
        tree[name] = this.#entryValue(name, entry, field);
      }
      this.#walk.path.pop();
    }
    return tree;
  }

  /** Fills `entries` in file order: the last writer of a key wins. */
  #collect(map: YAMLMap, entries: Entries, isMerged: boolean): void {
    for (const { key, value } of map.items as Pair<Node | null, Node | null>[]) {
      if (isMergeKey(key)) {
        this.#merge(value, entries);
        continue;
      }
      const name = this.#keyName(key);
      if (name === null) continue;
      entries.set(name, { key, value, isMerged, before: entries.get(name) });
    }
  }

  #merge(value: Node | null, entries: Entries): void {
    const list = isSeq(value) ? ([...value.items].reverse() as (Node | null)[]) : [value];
    for (const source of list) {
      const map = this.#walk.deref(source);
      if (!isMap(map)) {
        this.#walk.error(
          source,
          `${LOADING}map merge requires map or sequence of maps as the value`,
        );
      } else if (this.#walk.enter(source, map)) {
        this.#collect(map, entries, true);
        this.#walk.leave(source, map);
      }
    }
  }

  #keyName(key: Node | null): string | null {
    const node = this.#walk.deref(key);
    if (node !== null && !isScalar(node)) {
      this.#walk.error(key, `${LOADING}invalid map key: a key must be text, not a map or a list`);
      return null;
    }
    if (node !== null) {
      const { kind, value } = this.#walk.resolve(node);
      if (kind === 'string') return value as string;
    }
    this.#walk.error(key, `config error, key is not of type string: ${printed(this.#walk, key)}`);
    return null;
  }

  #warnAbout(name: string, entry: Entry, field: Field, level: Level): void {
    if (!field.levels.includes(level)) {
      this.#walk.warn(entry.key, `'${name}' does nothing here: it belongs to ${homeOf(field)}`);
    }
    const { before, isMerged } = entry;
    if (before === undefined || before.isMerged) return;
    const message = isMerged
      ? `'<<' overrides the '${name}' given before it: put '<<' first`
      : `key '${name}' is given more than once: the last one counts`;
    this.#walk.warn(isMerged ? before.key : entry.key, message);
  }

  /**
   * A `rate_limit` given twice (by `<<` and by itself, say) is filled in field by field: the reference
   * decodes both into one record.
   */
  #entryValue(name: string, entry: Entry, field: Field): TreeValue {
    const value = this.#value(name, entry.value, field);
    if (field.kind !== 'map' || entry.before === undefined || !isTreeMap(value)) return value;
    const before = this.#entryValue(name, entry.before, field);
    return isTreeMap(before) ? { ...before, ...value } : value;
  }

  #value(name: string, node: Node | null, field: Field): TreeValue {
    if (field.kind === 'free') return readFree(this.#walk, node);
    const target = this.#walk.deref(node);
    if (target === null) return null;
    if (isScalar(target)) return this.#leaf(name, target, field);
    if (!this.#walk.enter(node, target)) return null;
    const value = isMap(target)
      ? this.#map(target, field.kind === 'map' ? field.inner : 'other')
      : this.#list(target as YAMLSeq, field.kind === 'list' ? field.inner : 'other');
    this.#walk.leave(node, target);
    return value;
  }

  #leaf(name: string, node: Scalar, field: Field): TreeValue {
    const { kind, value } = this.#walk.resolve(node);
    const text = scalarText(node.value);
    if (kind === 'float' || typeof value === 'bigint') {
      const message =
        field.kind === 'text'
          ? `error checking config: ${name} reads as the number ${text}, put it in quotes`
          : `error checking config: ${name} must be ${EXPECTED[field.kind]}, not ${text}`;
      this.#walk.error(node, message, 'error checking config');
      return field.kind === 'text' ? text : null;
    }
    if (field.kind === 'text') return kind === 'null' ? '' : text;
    return value;
  }

  /** A place in the list that holds no map stays as null, so that indexes keep their meaning. */
  #list(node: YAMLSeq, inner: Level): TreeValue[] {
    return (node.items as (Node | null)[]).map((item, index) => {
      this.#walk.path.push(index);
      const value = this.#listItem(item, inner);
      this.#walk.path.pop();
      return value;
    });
  }

  #listItem(item: Node | null, inner: Level): TreeMap | null {
    const target = this.#walk.deref(item);
    if (!isMap(target)) {
      const found = printed(this.#walk, item);
      this.#walk.error(
        item,
        `config error, yaml file contains list of type other than map: ${found}`,
      );
      return null;
    }
    if (!this.#walk.enter(item, target)) return null;
    const value = this.#map(target, inner);
    this.#walk.leave(item, target);
    return value;
  }
}

function isMergeKey(key: Node | null): boolean {
  if (!isScalar(key) || key.value !== '<<') return false;
  return key.tag === undefined ? key.type === 'PLAIN' : key.tag === 'tag:yaml.org,2002:merge';
}

/** True for the value of a `map` field that is one. */
export function isTreeMap(value: TreeValue | undefined): value is TreeMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
