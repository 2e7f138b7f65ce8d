/**
 * A load generator for ShouldRateLimit that keeps a fixed number of calls in flight. It asks as fast as
 * it is answered, so it measures what a call costs, not how long one takes.
 */
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { H2cConnection } from '../support/h2c-connection.ts';

export interface ClosedLoadOptions {
  readonly host: string;
  readonly port: number;
  /** Request messages, without gRPC's prefix, taken in turns. */
  readonly messages: readonly Uint8Array[];
  /** What each answer's message must be long at least. */
  readonly answerBytesMin: number;
  readonly connections: number;
  /** Calls in flight, all connections together; one at least for each. */
  readonly inFlight: number;
}

/** One connection with its share of the calls in flight. */
class Line {
  readonly connection: H2cConnection;
  inFlight = 0;

  constructor(open: (line: Line) => H2cConnection) {
    this.connection = open(this);
  }
}

export class ClosedLoad {
  /** Calls answered so far. */
  answered = 0;
  readonly #options: ClosedLoadOptions;
  readonly #lines: readonly Line[];
  readonly #perLine: number;
  #started = 0;
  #inFlight = 0;
  #isAsking = false;
  #finish: ((error: Error | null) => void) | null = null;
  #failure: Error | null = null;

  private constructor(options: ClosedLoadOptions) {
    this.#options = options;
    this.#perLine = Math.max(1, Math.round(options.inFlight / options.connections));
    this.#lines = Array.from({ length: options.connections }, () => {
      return new Line((line) => this.#open(line));
    });
  }

  /** Resolves when all connections stand; nothing is asked yet. */
  static async open(options: ClosedLoadOptions): Promise<ClosedLoad> {
    const load = new ClosedLoad(options);
    await Promise.all(load.#lines.map(({ connection }) => connection.greeted));
    if (load.#failure !== null) throw load.#failure;
    return load;
  }

  /**
   * Asks for `ms`, and on until `callsMin` are answered; resolves when all calls in flight are, and
   * rejects at the first that goes wrong.
   */
  run(ms: number, callsMin = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = (error) => (error === null ? resolve() : reject(error));
      if (this.#failure !== null) reject(this.#failure);
      const answeredMin = this.answered + callsMin;
      const endMs = performance.now() + ms;
      this.#isAsking = true;
      const ends = setInterval(() => {
        const isOver = performance.now() >= endMs && this.answered >= answeredMin;
        if (!isOver && this.#failure === null) return;
        clearInterval(ends);
        this.#isAsking = false;
        if (this.#inFlight === 0) this.#finish?.(null);
      }, 1);
      for (const line of this.#lines) this.#fill(line);
    });
  }

  close(): void {
    this.#finish = null;
    for (const { connection } of this.#lines) connection.close();
  }

  #open(line: Line): H2cConnection {
    const { host, port, messages, answerBytesMin } = this.#options;
    return new H2cConnection(
      { host, port, path: SHOULD_RATE_LIMIT, messages },
      {
        message: (_stream, { length }) => {
          if (length < answerBytesMin) this.#fail(`an answer of ${length} bytes`);
        },
        ended: (_stream, status) => {
          if (status !== 0) this.#fail(`status ${status}`);
          line.inFlight -= 1;
          this.#inFlight -= 1;
          this.answered += 1;
        },
        settled: () => {
          this.#fill(line);
          if (this.#inFlight === 0 && !this.#isAsking) this.#finish?.(null);
        },
        closed: (reason) => this.#fail(reason),
      },
    );
  }

  /** Makes the calls that are missing, in one write. */
  #fill(line: Line): void {
    const { connection } = line;
    const { messages } = this.#options;
    while (this.#isAsking && line.inFlight < this.#perLine && connection.hasRoom) {
      connection.call(this.#started % messages.length);
      this.#started += 1;
      this.#inFlight += 1;
      line.inFlight += 1;
    }
    connection.flush();
  }

  #fail(what: string): void {
    this.#failure ??= new Error(`load generator: ${what}`);
    this.#finish?.(this.#failure);
    this.close();
  }
}
