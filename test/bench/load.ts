/**
 * A load generator for one unary gRPC method: one connection, a fixed number of calls in flight. It
 * asks as fast as it is answered, so it measures what a call costs, not how long one takes.
 */
import { H2cConnection } from '../support/h2c-connection.ts';

export interface Load {
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Request messages, without gRPC's prefix, taken in turns. */
  readonly messages: readonly Uint8Array[];
  /** What each answer's message must be long at least. */
  readonly answerBytesMin: number;
  /** Calls in flight. */
  readonly streams: number;
}

export class LoadGenerator {
  readonly #load: Load;
  readonly #connection: H2cConnection;
  #started = 0;
  #toStart = 0;
  #inFlight = 0;
  #finish: ((error: Error | null) => void) | null = null;
  #failure: Error | null = null;

  constructor(load: Load) {
    this.#load = load;
    this.#connection = new H2cConnection(load, {
      message: (_stream, { length }) => {
        if (length < load.answerBytesMin) this.#fail(`an answer of ${length} bytes`);
      },
      ended: (_stream, status) => {
        if (status !== 0) this.#fail(`status ${status}`);
        this.#inFlight--;
      },
      settled: () => {
        this.#start();
        if (this.#inFlight === 0 && this.#toStart === 0) this.#finish?.(null);
      },
      closed: (reason) => this.#fail(reason),
    });
  }

  /** Resolves when `requests` more requests were answered; rejects at the first that goes wrong. */
  run(requests: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = (error) => (error === null ? resolve() : reject(error));
      if (this.#failure !== null) reject(this.#failure);
      this.#toStart = requests;
      this.#start();
    });
  }

  close(): void {
    this.#finish = null;
    this.#connection.close();
  }

  /** Fills the calls in flight, in one write. */
  #start(): void {
    const { messages, streams } = this.#load;
    while (this.#toStart > 0 && this.#inFlight < streams && this.#connection.hasRoom) {
      this.#connection.call(this.#started % messages.length);
      this.#started++;
      this.#toStart--;
      this.#inFlight++;
    }
    this.#connection.flush();
  }

  #fail(what: string): void {
    this.#failure ??= new Error(`load generator: ${what}`);
    this.#finish?.(this.#failure);
    this.#connection.close();
  }
}
