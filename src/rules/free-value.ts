/** Reads `metadata`: any YAML, turned into what JSON (and a protobuf Struct) can hold. */
import { isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import type { JsonValue } from '../core/rules/limits-file.ts';
import { type NodeWalk, scalarText } from './node-walk.ts';

/** Keys keep their raw text; numbers become doubles; infinities and NaN are an error. */
export function readFree(walk: NodeWalk, node: Node | null): JsonValue {
  const target = walk.deref(node);
  if (target === null) return null;
  if (isScalar(target)) return readScalar(walk, target);
  if (!walk.enter(node, target)) return null;
  let value: JsonValue = null;
  if (isSeq(target)) value = target.items.map((item) => readFree(walk, item as Node | null));
  if (isMap(target)) {
    const pairs = target.items as Pair<Node | null, Node | null>[];
    // fromEntries defines own properties: a key named __proto__ stays an ordinary key.
    value = Object.fromEntries(pairs.map((pair) => readPair(walk, pair)));
  }
  walk.leave(node, target);
  return value;
}

function readPair(walk: NodeWalk, pair: Pair<Node | null, Node | null>): [string, JsonValue] {
  const key = walk.deref(pair.key);
  if (key !== null && !isScalar(key))
    walk.error(pair.key, 'error parsing metadata: a key must be text');
  const text = isScalar(key) ? scalarText(key.value) : '';
  return [text, readFree(walk, pair.value)];
}

function readScalar(walk: NodeWalk, node: Scalar): JsonValue {
  const { value } = walk.resolve(node);
  const json = typeof value === 'bigint' ? Number(value) : value;
  if (typeof json !== 'number' || Number.isFinite(json)) return json;
  walk.error(
    node,
    `error parsing metadata: ${String(node.value)} is not a number that JSON can hold`,
  );
  return null;
}
