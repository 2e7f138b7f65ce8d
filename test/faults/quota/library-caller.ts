/**
 * A caller of a whole fleet as a program with gRPC's library is: addresses in a list, calls in turns, and no
 * retries but the library's own, of calls that a server did not take. What fails, the program sees.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { SHOULD_RATE_LIMIT } from '../../../src/rpc/should-rate-limit.ts';
import { AnswerReader } from '../../support/answer-reader.ts';
import { requestBytes } from '../../support/request-bytes.ts';
import type { Target } from './fleet-load.ts';

/** By what was answered: the code, `degraded`, or the error. */
export type Outcomes = Readonly<Record<string, number>>;

const RECONNECT_MS = 100;

export class LibraryCaller {
  readonly #client: Client;
  readonly #messages: readonly Buffer[];
  readonly #reader = new AnswerReader();
  readonly #outcomes: Record<string, number> = {};
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #startMs = 0;
  #next = 0;
  #underWay = 0;

  constructor(targets: readonly Target[], requests: readonly JsonObject[], perSecond: number) {
    const addresses = targets.map(({ host, port }) => `${host}:${port}`);
    this.#client = new Client(`ipv4:${addresses.join(',')}`, credentials.createInsecure(), {
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      'grpc.initial_reconnect_backoff_ms': RECONNECT_MS,
      'grpc.min_reconnect_backoff_ms': RECONNECT_MS,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MS,
    });
    this.#messages = requests.map((request) => Buffer.from(requestBytes(request)));
    this.#everyMs = 1000 / perSecond;
  }

  /** Resolves when it is connected; the first call is due then. */
  start(withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + withinMs, (error) => {
        if (error) return reject(error);
        this.#startMs = performance.now();
        this.#timer = setInterval(() => this.#tick(), 1);
        resolve();
      });
    });
  }

  get outcomes(): Outcomes {
    return this.#outcomes;
  }

  /** Resolves when what is under way has ended. */
  async stop(): Promise<Outcomes> {
    clearInterval(this.#timer);
    while (this.#underWay > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    return this.#outcomes;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#client.close();
  }

  #tick(): void {
    const due = (performance.now() - this.#startMs) / this.#everyMs;
    for (; this.#next < due; this.#next += 1) this.#call(this.#next);
  }

  #call(call: number): void {
    const message = this.#messages[call % this.#messages.length] as Buffer;
    this.#underWay += 1;
    const same = (bytes: Buffer): Buffer => bytes;
    this.#client.makeUnaryRequest(SHOULD_RATE_LIMIT, same, same, message, (error, answer) => {
      this.#underWay -= 1;
      const outcome = error ? errorText(error) : this.#outcomeOf(answer as Buffer);
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    });
  }

  #outcomeOf(answer: Buffer): string {
    this.#reader.read(answer);
    if (this.#reader.degraded !== null) return `degraded: ${this.#reader.degraded}`;
    return this.#reader.code === 1 ? 'OK' : 'OVER_LIMIT';
  }
}

function errorText({ code, details }: ServiceError): string {
  return `error ${code}: ${details}`;
}
