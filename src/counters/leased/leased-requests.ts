/** Requests that carried an id: those that were decided, and those that wait for the leader. */
import type { WallMs } from '../../core/time.ts';
import type { Charge } from '../../limiter/counter-store.ts';
import { RecentRequests } from '../memory/recent-requests.ts';

/** `known`: the charges read what they read then. `waiting`: the first of that name is not decided yet. */
export type Remembered = 'new' | 'known' | 'waiting';

export class LeasedRequests {
  readonly #decided = new RecentRequests();
  /** No more than may wait for the leader. */
  readonly #waiting = new Set<string>();

  begin(name: string, charges: readonly Charge[], wall: WallMs): Remembered {
    if (this.#waiting.has(name)) return 'waiting';
    if (this.#decided.recall(name, charges, wall)) return 'known';
    this.#waiting.add(name);
    return 'new';
  }

  /** Of a new one: `isDecided` when shares or the leader have said it, and not a failure mode. */
  end(name: string, charges: readonly Charge[], wall: WallMs, isDecided: boolean): void {
    this.#waiting.delete(name);
    if (isDecided) this.#decided.remember(name, charges, wall);
  }

  /** What was made is given back: a retry is decided anew. */
  forget(name: string): void {
    this.#decided.forget(name);
  }

  clear(): void {
    this.#decided.clear();
    this.#waiting.clear();
  }
}
