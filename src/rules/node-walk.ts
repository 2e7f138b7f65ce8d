/**
 * The walk through a file's nodes: where it is, what aliases stand for, and the bounds that keep a small
 * text from unfolding into a huge tree (aliases of aliases, endless nesting, an alias inside itself).
 */
import { isAlias, isCollection, isScalar, type Node, type Scalar } from 'yaml';
import { ALIASED_NODES_MAX, NESTING_MAX } from './bounds.ts';
import type { ProblemList } from './problem-list.ts';
import type { AliasTargets } from './yaml-aliases.ts';
import { type Resolved, resolveScalar } from './yaml-scalar.ts';

/** How the reference begins every message about text that is not the YAML it wants. */
export const LOADING = 'error loading config file: yaml: ';

const NULL: Resolved = { kind: 'null', value: null };

export class NodeWalk {
  /** Steps from the root to the node being read. */
  readonly path: (string | number)[] = [];
  readonly #problems: ProblemList;
  readonly #aliases: AliasTargets;
  /** Targets of the aliases that the walk is inside of. */
  readonly #openTargets = new Set<Node>();
  #depth = 0;
  #aliasedNodes = 0;

  constructor(problems: ProblemList, aliases: AliasTargets) {
    this.#problems = problems;
    this.#aliases = aliases;
  }

  error(node: Node | null, message: string, reference = message): void {
    this.#problems.error({ offset: offsetOf(node), path: [...this.path], message, reference });
  }

  warn(node: Node | null, message: string): void {
    this.#problems.warn({ offset: offsetOf(node), path: [...this.path], message });
  }

  /** The node that an alias stands for; null for an absent node and an unknown anchor, which is an error. */
  deref(node: Node | null): Node | null {
    if (!isAlias(node)) return node;
    const target = this.#aliases.get(node) ?? null;
    if (target === null) this.error(node, `${LOADING}unknown anchor '${node.source}' referenced`);
    return target;
  }

  /** The meaning of a scalar; one that contradicts its tag is an error and reads as null. */
  resolve(node: Scalar): Resolved {
    const text = scalarText(node.value);
    const resolved = resolveScalar({ text, isPlain: node.type === 'PLAIN', tag: node.tag });
    if (resolved !== null) return resolved;
    const tag = (node.tag as string).replace(/^.*:/, '!!');
    this.error(node, `${LOADING}cannot decode '${text}' as a ${tag}`);
    return NULL;
  }

  /**
   * Steps into `target`, reached by `node` (itself, or an alias of it). False, with an error reported,
   * when a bound forbids it; after true, `leave` must follow.
   */
  enter(node: Node | null, target: Node): boolean {
    if (this.#depth >= NESTING_MAX) {
      this.error(node, `nested deeper than ${NESTING_MAX} levels`);
      return false;
    }
    if (isAlias(node)) {
      if (this.#openTargets.has(target)) {
        this.error(node, `${LOADING}anchor '${node.source}' value contains itself`);
        return false;
      }
      this.#openTargets.add(target);
    }
    if (this.#openTargets.size > 0 && !this.#countAliased(node, target)) {
      if (isAlias(node)) this.#openTargets.delete(target);
      return false;
    }
    this.#depth++;
    return true;
  }

  leave(node: Node | null, target: Node): void {
    this.#depth--;
    if (isAlias(node)) this.#openTargets.delete(target);
  }

  #countAliased(node: Node | null, target: Node): boolean {
    const wasWithin = this.#aliasedNodes <= ALIASED_NODES_MAX;
    this.#aliasedNodes += 1 + (isCollection(target) ? target.items.length : 0);
    if (this.#aliasedNodes <= ALIASED_NODES_MAX) return true;
    if (wasWithin) {
      const bound = `aliases stand for more than ${ALIASED_NODES_MAX} nodes`;
      const reference = `${LOADING}document contains excessive aliasing`;
      this.error(node, `${reference}: ${bound}`, reference);
    }
    return false;
  }
}

/** The value of a list or key as the reference prints it in its messages. */
export function printed(walk: NodeWalk, node: Node | null): string {
  const target = walk.deref(node);
  if (target === null) return '<nil>';
  if (!isScalar(target)) return isCollection(target) ? 'a list' : '';
  const { value } = walk.resolve(target);
  if (value === null) return '<nil>';
  return String(value)
    .replace(/^Infinity/, '+Inf')
    .replace('-Infinity', '-Inf');
}

export function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

/** A scalar's value as its text; '' for null. */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
