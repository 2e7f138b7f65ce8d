/** A promise that is resolved from outside. Node 20, which runs the compiled program, has none. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  #resolve: (value: T) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The first call counts. */
  resolve(value: T): void {
    this.#resolve(value);
  }
}
