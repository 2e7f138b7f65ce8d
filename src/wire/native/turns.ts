/**
 * Fairness between connections: a turn of the event loop reads all sockets that have something, and
 * one of them may have megabytes. Who has had its share waits for the next turn.
 */
export interface Reader {
  resume(): void;
}

export class Turns {
  #number = 0;
  #isOpen = false;
  /** Bounded by connectionsMax. */
  #waiting: Reader[] = [];

  /** The turn at hand. */
  current(): number {
    if (!this.#isOpen) {
      this.#isOpen = true;
      setImmediate(this.#end);
    }
    return this.#number;
  }

  /** Resumed when the next turn begins. */
  wait(reader: Reader): void {
    this.#waiting.push(reader);
  }

  readonly #end = (): void => {
    this.#isOpen = false;
    this.#number++;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const reader of waiting) reader.resume();
  };
}
