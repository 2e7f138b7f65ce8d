/**
 * Aliases resolved: each `*name` stands for the last `&name` before it. Found in one walk of the
 * document, because an anchor may be given again and a look-up per alias would walk it each time.
 */
import { type Alias, isAlias, isNode, type Node, visit } from 'yaml';

/** Null for an alias whose anchor does not exist. */
export type AliasTargets = ReadonlyMap<Alias, Node | null>;

const NO_ALIASES: AliasTargets = new Map();

/** `text` is only asked whether it can hold an alias at all. */
export function aliasTargets(root: Node, text: string): AliasTargets {
  if (!text.includes('*')) return NO_ALIASES;
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node | null>();
  visit(root, (_key, node) => {
    if (isAlias(node)) targets.set(node, anchors.get(node.source) ?? null);
    else if (isNode(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
  });
  return targets;
}
