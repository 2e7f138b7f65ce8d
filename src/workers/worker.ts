/**
 * A worker process: a whole Weir but for its ports and limits files, which the supervisor has. It takes
 * the connections and rules that it is given, tells every second that it lives and what it counted,
 * and drains when it is told to, or when the supervisor is gone.
 */
import type { Socket } from 'node:net';
import type { HttpAnswer } from '../admin/http-server.ts';
import type { Profiler } from '../admin/profiler.ts';
import type { DurationMs } from '../core/time.ts';
import type { CountsReporter } from '../telemetry/counts-exchange.ts';
import type { OwnState } from '../telemetry/own-totals.ts';
import type { Answer, Order, Question } from './protocol.ts';
import { REPORT_EVERY_MS } from './protocol.ts';
import type { ReceivedRuleSource } from './received-rules.ts';
import type { SupervisorLink } from './supervisor-link.ts';

export interface WorkerParts {
  readonly link: SupervisorLink;
  readonly rules: ReceivedRuleSource;
  readonly service: { start(): Promise<void>; stop(): Promise<void> };
  readonly listener: { take(socket: Socket): void; readonly connectionCount: number };
  readonly health: { readonly isServing: boolean; onChange(listener: () => void): void };
  readonly telemetry: { countsReporter(): CountsReporter; ownState(): Promise<OwnState> };
  readonly answerJson: (body: string) => Promise<HttpAnswer>;
  readonly profiler: Profiler;
  /** A drain that is not over by then is ended by force. */
  readonly stopMsMax: DurationMs;
  /** Ends the process. */
  readonly exit: (code: number) => void;
}

export class Worker {
  readonly #parts: WorkerParts;
  readonly #reporter: CountsReporter;
  /** Reports of counts go one after the other. */
  #counting: Promise<void> = Promise.resolve();
  #ticker: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#reporter = parts.telemetry.countsReporter();
  }

  /** Rejects with a message for the operator. */
  async start(): Promise<void> {
    const { link, health, service } = this.#parts;
    link.onOrder((order, socket) => this.#obey(order, socket));
    link.onLost(() => this.stop());
    health.onChange(() => this.#tellAlive());
    this.#tellAlive();
    this.#ticker = setInterval(() => {
      this.#tellAlive();
      void this.#tellCounts();
    }, REPORT_EVERY_MS);
    await service.start();
    if (this.#isStopping) return;
    this.#tellAlive();
    void link.send({ kind: 'serving' });
  }

  /** Drains, tells its last counts, and ends the process. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    void this.#stop();
  }

  async #stop(): Promise<void> {
    const { service, exit, stopMsMax } = this.#parts;
    setTimeout(() => exit(1), stopMsMax).unref();
    await service.stop();
    clearInterval(this.#ticker);
    await this.#tellCounts();
    exit(0);
  }

  #obey(order: Order, socket: Socket | undefined): void {
    const { link, rules, listener } = this.#parts;
    switch (order.kind) {
      case 'connection':
        if (socket !== undefined) listener.take(socket);
        void link.send({ kind: 'taken', connections: listener.connectionCount });
        break;
      case 'ask':
        void this.#answer(order.id, order.question);
        break;
      case 'stop':
        this.stop();
        break;
      default:
        rules.receive(order);
    }
  }

  async #answer(id: number, question: Question): Promise<void> {
    const { link } = this.#parts;
    try {
      await link.send({ kind: 'answer', id, answer: await this.#answerTo(question) });
    } catch (error) {
      await link.send({ kind: 'unanswered', id, text: String(error) });
    }
  }

  async #answerTo(question: Question): Promise<Answer> {
    const { answerJson, profiler } = this.#parts;
    if (question.kind === 'json') return answerJson(question.body);
    if (question.kind === 'counts') {
      await this.#tellCounts();
      return null;
    }
    // Its reader may go away: the profile ends by itself.
    const never = new AbortController();
    return profiler.record(question.profile, question.seconds, never.signal);
  }

  #tellAlive(): void {
    const { link, health, listener } = this.#parts;
    const { isServing } = health;
    void link.send({ kind: 'alive', isServing, connections: listener.connectionCount });
  }

  #tellCounts(): Promise<void> {
    this.#counting = this.#counting.then(async () => {
      const { link, telemetry } = this.#parts;
      for (const counts of this.#reporter.take()) await link.send({ kind: 'counts', counts });
      await link.send({ kind: 'own', state: await telemetry.ownState() });
    });
    return this.#counting;
  }
}
