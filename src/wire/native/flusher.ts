/**
 * Sends what connections have to say at the end of the running callback: all answers of one read, or
 * of one batch of the store, are one write per connection.
 */
export interface Flushable {
  flush(): void;
}

export class Flusher {
  /** Each connection at most once: bounded by connectionsMax. */
  #due: Flushable[] = [];

  add(connection: Flushable): void {
    if (this.#due.push(connection) === 1) queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const connection of due) connection.flush();
  };
}
