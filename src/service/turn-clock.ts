/**
 * A clock that stands still while a callback runs. A read or a reply of the store brings a hundred
 * calls, and reading the system's clock for each costs a fiftieth of all that is done for it. For what
 * needs no finer time than the event loop's own pace.
 */
export class TurnClock {
  readonly #read: () => number;
  #time = 0;
  #isRead = false;

  /** `read` is asked once in each turn that wants to know the time. */
  constructor(read: () => number) {
    this.#read = read;
  }

  readonly now = (): number => {
    if (!this.#isRead) {
      this.#time = this.#read();
      this.#isRead = true;
      queueMicrotask(this.#end);
    }
    return this.#time;
  };

  readonly #end = (): void => {
    this.#isRead = false;
  };
}
