/**
 * Where in the text a part of the tree stands, found again from its path. Only asked for problems, so
 * that the tree itself need not carry places.
 */
import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import { offsetOf } from './node-walk.ts';
import type { Path } from './problem-list.ts';
import type { AliasTargets } from './yaml-aliases.ts';

/** Where parts of a tree stand. */
export interface Places {
  /** Offset of the node at `path`, or of the nearest one above it that exists. */
  offsetOf(path: Path): number;
}

export class TreePlaces implements Places {
  readonly #root: Node | null;
  readonly #aliases: AliasTargets;

  constructor(root: Node | null, aliases: AliasTargets) {
    this.#root = root;
    this.#aliases = aliases;
  }

  offsetOf(path: Path): number {
    let node = this.#root;
    for (const step of path) {
      const next = this.#step(this.#deref(node), step);
      if (next === null) break;
      node = next;
    }
    return offsetOf(node);
  }

  #deref(node: Node | null): Node | null {
    return node === null ? null : (this.#aliases.get(node as never) ?? node);
  }

  #step(node: Node | null, step: string | number): Node | null {
    if (isSeq(node) && typeof step === 'number')
      return (node.items[step] as Node | undefined) ?? null;
    return isMap(node) ? this.#field(node, step, 0) : null;
  }

  /** The last one counts, and `<<` counts where it stands: as in TreeReader. */
  #field(map: YAMLMap, name: string | number, mergeDepth: number): Node | null {
    const pairs = map.items as Pair<Node | null, Node | null>[];
    for (const { key, value } of [...pairs].reverse()) {
      const label = this.#deref(key);
      if (!isScalar(label)) continue;
      if (label.value === name) return value ?? key;
      const merged = label.value === '<<' ? this.#merged(value, name, mergeDepth) : null;
      if (merged !== null) return merged;
    }
    return null;
  }

  #merged(value: Node | null, name: string | number, mergeDepth: number): Node | null {
    if (mergeDepth >= MERGE_DEPTH_MAX) return null;
    const node = this.#deref(value);
    const sources = (isSeq(node) ? node.items : [node]) as (Node | null)[];
    for (const source of sources) {
      const map = this.#deref(source);
      const found = isMap(map) ? this.#field(map, name, mergeDepth + 1) : null;
      if (found !== null) return found;
    }
    return null;
  }
}

/** Maps merged into maps that are merged: deeper ones only lose the exact place of their problem. */
const MERGE_DEPTH_MAX = 16;
