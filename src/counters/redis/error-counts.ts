/**
 * How often what failed where: errors by class, node and command. It also says which of them are
 * worth a line in the log: one per class and second, since errors come by the thousand.
 */
import type { MonotonicMs } from '../../core/time.ts';

/**
 * What was asked for when an error came. A call carries what many requests brought: it is a `peek`
 * when all of them only read.
 */
export const ERROR_COMMANDS = ['charge', 'peek', 'events', 'connect', 'sentinel', 'other'] as const;

/** Nodes with counts of their own: a cluster has fewer. */
export const ERROR_NODES_MAX = 64;
export const OTHER_NODE = 'other';
const LINE_EVERY_MS = 1000;

export interface ErrorLabels {
  /** `name` of a row in redis-errors.ts. */
  readonly class: string;
  /** Address of the server, or `other`. */
  readonly node: string;
  readonly command: string;
}

interface Line {
  writtenMs: MonotonicMs;
  leftOut: number;
}

interface Count {
  readonly labels: ErrorLabels;
  value: number;
}

export class ErrorCounts {
  readonly #nodes = new Set<string>();
  /** Bounded by classes × nodes × commands, each of them closed. */
  readonly #counts = new Map<string, Count>();
  readonly #lines = new Map<string, Line>();

  /**
   * Counts one. -1: no line for it. Else a line is due, and so many errors of the class had none
   * since the last.
   */
  note(labels: ErrorLabels, now: MonotonicMs): number {
    this.#add(labels);
    const line = this.#lines.get(labels.class);
    if (line === undefined) {
      this.#lines.set(labels.class, { writtenMs: now, leftOut: 0 });
      return 0;
    }
    if (now - line.writtenMs < LINE_EVERY_MS) {
      line.leftOut += 1;
      return -1;
    }
    const { leftOut } = line;
    line.writtenMs = now;
    line.leftOut = 0;
    return leftOut;
  }

  entries(): Iterable<{ readonly labels: Record<keyof ErrorLabels, string>; value: number }> {
    return this.#counts.values();
  }

  #add({ class: name, node: asked, command: wanted }: ErrorLabels): void {
    const node = this.#nodeOf(asked);
    const command = (ERROR_COMMANDS as readonly string[]).includes(wanted) ? wanted : 'other';
    const key = `${name} ${command} ${node}`;
    const count = this.#counts.get(key);
    if (count === undefined) {
      this.#counts.set(key, { labels: { class: name, node, command }, value: 1 });
    } else count.value += 1;
  }

  #nodeOf(node: string): string {
    if (this.#nodes.has(node)) return node;
    if (this.#nodes.size >= ERROR_NODES_MAX) return OTHER_NODE;
    this.#nodes.add(node);
    return node;
  }
}
