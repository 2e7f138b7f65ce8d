/**
 * Callers of a whole fleet at a fixed rate, as proxies with endpoints and retries are: a call goes to the
 * replica whose turn it is, or to the next that takes it; one whose connection was lost is made again, at
 * another. Of each call it is known when its last attempt was sent, when it was answered, and by whom.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { SHOULD_RATE_LIMIT } from '../../../src/rpc/should-rate-limit.ts';
import { AnswerReader } from '../../support/answer-reader.ts';
import { H2cConnection, STREAM_RESET } from '../../support/h2c-connection.ts';
import { type Answer, LoadReport } from '../../support/load-report.ts';
import { requestBytes } from '../../support/request-bytes.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface FleetLoadOptions {
  readonly targets: readonly Target[];
  /** Over all targets. */
  readonly ratePerSecond: number;
  /** The load ends by itself then. */
  readonly durationMs: number;
  /** In proto3 JSON, taken in turns. */
  readonly requests: readonly JsonObject[];
}

export interface FleetAnswer extends Answer {
  /** Place among the targets of who was asked last. */
  readonly target: number;
  /** 1 unless connections were lost. */
  readonly attempts: number;
}

const TICK_MS = 1;
const CONNECTIONS_PER_TARGET = 2;
/** Of one connection: 50 ms of the greatest rate here. A replica that hangs holds up no more calls than these. */
const IN_FLIGHT_MAX = 128;
/** A replica that restarts is there again within a second. */
const RECONNECT_MS = 50;
/** More than there are replicas: then something is wrong with all of them. */
const ATTEMPTS_MAX = 8;
/** After the last call; a replica that was frozen has answered by then. */
const DRAIN_MS_MAX = 5_000;
/** Frozen replicas say nothing for longer than a lease lasts, and are to be heard when they wake. */
const SILENCE_MS_MAX = 60_000;

/** One connection after the other to one target, and which call each stream of the present one is. */
class Line {
  readonly target: number;
  connection: H2cConnection | null = null;
  isUp = false;
  readonly #calls = new Map<number, number>();

  constructor(target: number) {
    this.target = target;
  }

  get takesMore(): boolean {
    return this.isUp && this.connection?.hasRoom === true && this.#calls.size < IN_FLIGHT_MAX;
  }

  send(call: number, messageAt: number): void {
    if (this.connection !== null) this.#calls.set(this.connection.call(messageAt), call);
  }

  callOf(stream: number): number {
    return this.#calls.get(stream) as number;
  }

  take(stream: number): number {
    const call = this.callOf(stream);
    this.#calls.delete(stream);
    return call;
  }

  /** Those under way, which will not be answered. */
  takeAll(): number[] {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return calls;
  }
}

export class FleetLoad {
  /** Filled as answers come. */
  readonly report: LoadReport;
  /** Resolves when all calls have ended, or five seconds after the last was due. */
  readonly done: Promise<LoadReport>;
  readonly #options: FleetLoadOptions;
  readonly #messages: readonly Uint8Array[];
  readonly #lines: readonly Line[];
  readonly #reader = new AnswerReader();
  readonly #targets: Uint8Array;
  readonly #attempts: Uint8Array;
  /** Lost with their connections, to be made again. */
  readonly #again: number[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #finish: (report: LoadReport) => void = () => {};
  #ticks: NodeJS.Timeout | undefined;
  #next = 0;
  #ended = 0;
  #isOver = false;
  /** Calls that went elsewhere: what is meant for one that is gone is dealt out evenly. */
  #spilled = 0;

  private constructor(options: FleetLoadOptions) {
    const { ratePerSecond, durationMs, targets } = options;
    const calls = Math.ceil((ratePerSecond * durationMs) / 1000);
    this.#options = options;
    this.#messages = options.requests.map(requestBytes);
    this.report = new LoadReport(1000 / ratePerSecond, calls);
    this.#targets = new Uint8Array(calls);
    this.#attempts = new Uint8Array(calls);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    // Neighbours are of different targets: calls that find no room go on to the next.
    this.#lines = Array.from(
      { length: targets.length * CONNECTIONS_PER_TARGET },
      (_, at) => new Line(at % targets.length),
    );
  }

  /** Resolves when connections stand, as far as they can; the first call is due at that moment. */
  static async start(options: FleetLoadOptions): Promise<FleetLoad> {
    const load = new FleetLoad(options);
    await Promise.all(load.#lines.map((line) => load.#open(line)));
    load.report.begin(performance.now());
    load.#ticks = setInterval(() => load.#tick(), TICK_MS);
    return load;
  }

  answer(call: number): FleetAnswer {
    const target = this.#targets[call] as number;
    const attempts = this.#attempts[call] as number;
    return { ...this.report.answer(call), target, attempts };
  }

  *answers(): Generator<FleetAnswer> {
    for (let call = 0; call < this.report.due; call += 1) yield this.answer(call);
  }

  /** Those that were due in a span of time, whether they have ended or not. */
  *answersDue(fromMs: number, toMs: number): Generator<FleetAnswer> {
    const placeAt = (ms: number): number =>
      Math.ceil(((ms - this.report.startMs) * this.#options.ratePerSecond) / 1000);
    const end = Math.min(placeAt(toMs), this.report.due);
    for (let call = Math.max(0, placeAt(fromMs)); call < end; call += 1) yield this.answer(call);
  }

  /** No further call becomes due. `done` resolves when those under way have ended. */
  stop(): Promise<LoadReport> {
    this.report.cutShort(Math.min(this.#next, this.report.due));
    return this.done;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#ticks);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { connection } of this.#lines) connection?.close();
    this.#finish(this.report);
  }

  async #open(line: Line): Promise<void> {
    const { host, port } = this.#options.targets[line.target] as Target;
    const messages = this.#messages;
    const connection = new H2cConnection(
      { host, port, path: SHOULD_RATE_LIMIT, messages, silenceMs: SILENCE_MS_MAX },
      {
        message: (stream, message) => {
          this.#reader.read(message);
          this.report.said(line.callOf(stream), this.#reader.code, this.#reader.degraded);
        },
        ended: (stream, status) => this.#onEnd(line.take(stream), status),
        settled: () => {},
        closed: () => this.#onClosed(line),
      },
    );
    line.connection = connection;
    await connection.greeted;
    line.isUp = !connection.isClosed;
  }

  #onEnd(call: number, status: number): void {
    if (status === STREAM_RESET) this.#repeat(call);
    else this.#end(call, status);
  }

  #onClosed(line: Line): void {
    line.connection = null;
    line.isUp = false;
    for (const call of line.takeAll()) this.#repeat(call);
    if (this.#isOver) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#open(line);
    }, RECONNECT_MS);
    this.#timers.add(timer);
  }

  #repeat(call: number): void {
    if ((this.#attempts[call] as number) < ATTEMPTS_MAX) this.#again.push(call);
    else this.#end(call, 'lost');
  }

  #end(call: number, end: 'lost' | number): void {
    this.#ended += 1;
    this.report.ended(call, performance.now(), end);
  }

  #tick(): void {
    const nowMs = performance.now();
    const { report } = this;
    while (this.#again.length > 0 && this.#send(this.#again[0] as number, nowMs)) {
      this.#again.shift();
    }
    while (this.#next < report.due && report.dueMs(this.#next) <= nowMs) {
      if (!this.#send(this.#next, nowMs)) break;
      this.#next += 1;
    }
    for (const { connection } of this.#lines) connection?.flush();
    const isDrained = this.#ended === report.due && this.#next === report.due;
    if (isDrained || nowMs > report.dueMs(report.due) + DRAIN_MS_MAX) this[Symbol.dispose]();
  }

  /** False when nobody takes it now. */
  #send(call: number, nowMs: number): boolean {
    const { length } = this.#messages;
    const attempt = this.#attempts[call] as number;
    const place = call % length;
    // Calls one after the other go to all in turns, each sort of request too, and what is made again to another.
    const line = this.#lineFrom(place + Math.floor(call / length) + attempt);
    if (line === null) return false;
    line.send(call, place);
    this.report.sent(call, nowMs);
    this.#targets[call] = line.target;
    this.#attempts[call] = attempt + 1;
    return true;
  }

  /** Its turn's, or where that takes nothing, one after the other of those that do. */
  #lineFrom(turn: number): Line | null {
    const { length } = this.#lines;
    const line = this.#lines[turn % length] as Line;
    if (line.takesMore) return line;
    for (let i = 0; i < length; i += 1) {
      const other = this.#lines[this.#spilled++ % length] as Line;
      if (other.takesMore) return other;
    }
    return null;
  }
}
