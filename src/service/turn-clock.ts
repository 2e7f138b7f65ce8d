/**
 * A clock that stands still while a callback runs. A read or a reply of the store brings a hundred
 * calls, and reading the system's clock for each costs a fiftieth of all that is done for it. For what
 * needs no finer time than the event loop's own pace.
 */
export class TurnClock<Time = number> {
  readonly #read: () => Time;
  /** Null until it is read in this turn. */
  #time: Time | null = null;

  /** `read` is asked once in each turn that wants to know the time. */
  constructor(read: () => Time) {
    this.#read = read;
  }

  readonly now = (): Time => {
    if (this.#time !== null) return this.#time;
    const time = this.#read();
    this.#time = time;
    queueMicrotask(this.#end);
    return time;
  };

  readonly #end = (): void => {
    this.#time = null;
  };
}
