/**
 * The counters of one unit's current window. Dropping them is one assignment, whatever their number.
 *
 * Those of a rule are in a table of their own, by what their keys do not have in common. That is a short
 * string as it came in the request, while a key is joined for each request: to look a key up V8 must copy
 * it into one piece and hash all of it, which takes 0.3 µs where the rest takes 0.1.
 */
import type { CounterName } from '../../limiter/counter-store.ts';
import { type Counter, CounterTable } from './counter-table.ts';
import { ownString } from './key.ts';

/**
 * Rules with other keys than all others have are few, but callers choose keys where a rule takes any.
 * Further scopes share one table, so that the fullest of all is found soon.
 */
const SCOPES_MAX = 256;

export class UnitTable {
  #scopes = new Map<string, CounterTable>();
  /** By whole key: counters without a scope, and those of scopes that came too late. */
  #others = new CounterTable();

  get(name: CounterName): Counter | undefined {
    const table = this.#scopes.get(name.scope ?? '');
    return table === undefined ? this.#others.get(name.key) : table.get(name.rest ?? '');
  }

  /** Keeps a counter that is not there yet; returns the characters that it takes. */
  add({ key, scope = '', rest = '' }: CounterName, count: number): number {
    const table = this.#scopes.get(scope) ?? this.#newTable(scope);
    const own = ownString(table === null ? key : rest);
    (table ?? this.#others).add(own, count);
    return own.length;
  }

  /** Null when the scope gets none, which holds until the window ends. */
  #newTable(scope: string): CounterTable | null {
    if (scope === '' || this.#scopes.size >= SCOPES_MAX) return null;
    const table = new CounterTable();
    this.#scopes.set(ownString(scope), table);
    return table;
  }

  /** All there are: one and SCOPES_MAX more at most. */
  *tables(): Generator<CounterTable> {
    yield this.#others;
    yield* this.#scopes.values();
  }

  clear(): void {
    this.#scopes = new Map();
    this.#others = new CounterTable();
  }
}
