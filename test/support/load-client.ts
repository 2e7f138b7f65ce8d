/**
 * Callers as a fleet of proxies is: ShouldRateLimit at a fixed rate, whatever the answers do. Calls are
 * due at fixed times; one that cannot be sent then goes as soon as it can, and its latency counts from
 * when it was due. It runs in the test's own process, and notes when that process was held up.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { AnswerReader } from './answer-reader.ts';
import { H2cConnection, STREAM_RESET } from './h2c-connection.ts';
import type { Fields } from './http2-frames.ts';
import { type Answer, LoadReport } from './load-report.ts';
import { requestBytes } from './request-bytes.ts';

export interface LoadOptions {
  /** Loopback when absent. */
  readonly host?: string;
  readonly port: number;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Requests in proto3 JSON, with keys and hits, taken in turns. */
  readonly requests: readonly JsonObject[];
  /** Calls are dealt out to them in turns; 1 when absent. */
  readonly connections?: number;
  /** Told to the server as grpc-timeout. The client itself waits on. */
  readonly timeoutMs?: number;
  /** At each call's end, answered or not. Its time is the generator's own, so keep it short. */
  readonly onAnswer?: (answer: Answer) => void;
}

const LOOPBACK = '127.0.0.1';
/** What the arrays of a report may hold: 25 bytes each. */
const CALLS_MAX = 5_000_000;
/** Timers of Node are no finer. */
const TICK_MS = 1;
/** A tick that comes so late is a stall. */
const STALL_MS_MIN = 2;
/** How long a load waits for answers after its last call; longer than any deadline in these tests. */
const DRAIN_MS_MAX = 5_000;

/** One connection, and which call each of its streams is. */
class Line {
  readonly connection: H2cConnection;
  readonly #calls: number[] = [];

  constructor(open: (line: Line) => H2cConnection) {
    this.connection = open(this);
  }

  send(call: number, messageAt: number): void {
    // Streams are numbered 1, 3, 5…
    this.#calls[this.connection.call(messageAt) >> 1] = call;
  }

  callOf(stream: number): number {
    return this.#calls[stream >> 1] as number;
  }

  /** All that were ever sent on it. */
  get calls(): readonly number[] {
    return this.#calls;
  }
}

export class LoadClient {
  /** Filled as answers come. */
  readonly report: LoadReport;
  /** Resolves with the report when all calls have ended, or five seconds after the last was due. */
  readonly done: Promise<LoadReport>;
  readonly #options: LoadOptions;
  readonly #messages: readonly Uint8Array[];
  readonly #lines: readonly Line[];
  readonly #reader = new AnswerReader();
  #finish: (report: LoadReport) => void = () => {};
  #ticks: NodeJS.Timeout | null = null;
  #tickedMs = 0;
  #next = 0;
  #ended = 0;
  #isShortOfRoom = false;
  #lostReason = '';

  private constructor(options: LoadOptions) {
    const { ratePerSecond, durationMs, connections = 1 } = options;
    const calls = Math.ceil((ratePerSecond * durationMs) / 1000);
    if (calls > CALLS_MAX) throw new Error(`${calls} calls, ${CALLS_MAX} at most`);
    this.#options = options;
    this.#messages = options.requests.map(requestBytes);
    this.report = new LoadReport(1000 / ratePerSecond, calls);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#lines = Array.from({ length: connections }, () => new Line((line) => this.#open(line)));
  }

  /** Resolves when all connections stand; the first call is due at that moment. */
  static async start(options: LoadOptions): Promise<LoadClient> {
    const client = new LoadClient(options);
    await Promise.all(client.#lines.map(({ connection }) => connection.greeted));
    if (client.#lostReason !== '') throw new Error(`load client: ${client.#lostReason}`);
    client.#tickedMs = performance.now();
    client.report.begin(client.#tickedMs);
    client.#ticks = setInterval(() => client.#tick(), TICK_MS);
    return client;
  }

  /** No further call becomes due. `done` resolves when those under way have ended. */
  stop(): void {
    this.report.cutShort(this.#next);
  }

  /** Ends it whatever is under way. */
  [Symbol.dispose](): void {
    if (this.#ticks !== null) clearInterval(this.#ticks);
    for (const { connection } of this.#lines) connection.close();
    this.#finish(this.report);
  }

  #open(line: Line): H2cConnection {
    const { host = LOOPBACK, port, timeoutMs } = this.#options;
    const fields: Fields = timeoutMs === undefined ? [] : [['grpc-timeout', `${timeoutMs}m`]];
    return new H2cConnection(
      { host, port, path: SHOULD_RATE_LIMIT, messages: this.#messages, fields },
      {
        message: (stream, message) => this.#read(line.callOf(stream), message),
        ended: (stream, status) =>
          this.#end(line.callOf(stream), status === STREAM_RESET ? 'reset' : status),
        settled: () => {
          if (this.#isShortOfRoom) this.#send(performance.now());
        },
        closed: (reason) => this.#lose(line, reason),
      },
    );
  }

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#tickedMs > STALL_MS_MIN) {
      this.report.stalls.push({ fromMs: this.#tickedMs + TICK_MS, toMs: nowMs });
    }
    this.#tickedMs = nowMs;
    this.#send(nowMs);
    const { due } = this.report;
    const isDrained = this.#ended === due && this.#next === due;
    const isOver = nowMs > this.report.dueMs(due) + DRAIN_MS_MAX;
    if (isDrained || isOver) this[Symbol.dispose]();
  }

  /** Sends all that is due and that the service takes. */
  #send(nowMs: number): void {
    const { report } = this;
    this.#isShortOfRoom = false;
    while (this.#next < report.due && report.dueMs(this.#next) <= nowMs) {
      const call = this.#next;
      const line = this.#lineFor(call);
      if (line === null) {
        if (this.#lines.some(({ connection }) => !connection.isClosed)) {
          this.#isShortOfRoom = true;
          break;
        }
        this.#next += 1;
        this.#end(call, 'lost');
        continue;
      }
      this.#next += 1;
      line.send(call, call % this.#messages.length);
      report.sent(call, nowMs);
    }
    for (const { connection } of this.#lines) connection.flush();
  }

  /** The connection whose turn it is, or the next one that has room; null when none has. */
  #lineFor(call: number): Line | null {
    const { length } = this.#lines;
    for (let i = 0; i < length; i += 1) {
      const line = this.#lines[(call + i) % length] as Line;
      if (line.connection.hasRoom) return line;
    }
    return null;
  }

  #read(call: number, message: Uint8Array): void {
    this.#reader.read(message);
    this.report.said(call, this.#reader.code, this.#reader.degraded);
  }

  #end(call: number, end: 'reset' | 'lost' | number): void {
    this.#ended += 1;
    this.report.ended(call, performance.now(), end);
    this.#options.onAnswer?.(this.report.answer(call));
  }

  #lose(line: Line, reason: string): void {
    this.#lostReason = reason;
    for (const call of line.calls) {
      if (!this.report.hasEnded(call)) this.#end(call, 'lost');
    }
  }
}
