/**
 * The supervisor's side of one worker process: orders, questions and connections to it, reports from
 * it, and whether its event loop still turns. A worker that is silent for too long is killed: what it
 * was to do, others do.
 */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { KeptSet } from './kept-rules.ts';
import type { Answer, Order, Question, Report } from './protocol.ts';
import type { RuleTaker } from './rule-agreement.ts';

/**
 * - `starting`: it loads, or waits for its first rules.
 * - `serving`: it takes connections.
 * - `draining`: it was told to stop, and takes connections until its drain delay is over.
 * - `ended`: the process is gone.
 */
export type WorkerState = 'starting' | 'serving' | 'draining' | 'ended';

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wasHung: boolean;
  /** Connections that were still to be handed to it. */
  readonly sockets: readonly Socket[];
}

export interface WorkerListener {
  reported(worker: WorkerChild, report: Report): void;
  /** Called once, last. */
  ended(worker: WorkerChild, end: WorkerEnd): void;
}

/** Looks without a sign of life until a worker is killed: a second each. */
const SILENT_LOOKS_MAX = 5;
/** The same until its first sign: reading the program on a busy machine. */
const START_LOOKS_MAX = 60;
/** Questions that wait for one worker: as many as HTTP connections may bring. */
const QUESTIONS_MAX = 1024;
/** Connections that wait to be handed to one worker; more are closed. */
const SOCKETS_MAX = 1024;

interface Pending {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export class WorkerChild implements RuleTaker {
  readonly number: number;
  readonly #process: ChildProcess;
  readonly #listener: WorkerListener;
  readonly #pending = new Map<number, Pending>();
  readonly #sockets: Socket[] = [];
  /** Domains it was sent, by revision. */
  #sentRevisions: ReadonlySet<number> = new Set();
  #sending: Promise<void> = Promise.resolve();
  #state: WorkerState = 'starting';
  #isHealthy = false;
  #connections = 0;
  #isHanding = false;
  #questions = 0;
  #silentLooks = 0;
  #silentLooksMax = START_LOOKS_MAX;
  #wasHung = false;

  constructor(number: number, process: ChildProcess, listener: WorkerListener) {
    this.number = number;
    this.#process = process;
    this.#listener = listener;
    process.on('message', (report) => this.#receive(report as Report));
    // One that cannot be told something: its end, or its silence, says the rest.
    process.on('error', () => {
      if (process.pid === undefined) this.#end(null, null);
    });
    process.once('exit', (code, signal) => {
      // What it sent last may still be on its way.
      if (process.connected) process.once('disconnect', () => this.#end(code, signal));
      else this.#end(code, signal);
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** It takes connections, and its own health says that it should. */
  get isHealthy(): boolean {
    return this.#state === 'serving' && this.#isHealthy;
  }

  /** Connections it has, and those that wait to be handed to it. */
  get load(): number {
    return this.#connections + this.#sockets.length + (this.#isHanding ? 1 : 0);
  }

  sendRules(set: KeptSet): void {
    this.#sending = this.#sending.then(() => this.#sendRules(set));
  }

  commit(version: number): void {
    void this.#send({ kind: 'commit', version });
  }

  /** Hands over an accepted connection of which nothing was read. */
  hand(socket: Socket): void {
    if (this.#sockets.length >= SOCKETS_MAX) {
      socket.destroy();
      return;
    }
    this.#sockets.push(socket);
    this.#handNext();
  }

  /** Rejects when the worker ends before it has answered, or has too much to answer. */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'ended' || this.#pending.size >= QUESTIONS_MAX) {
        reject(new Error(`worker ${this.number} cannot be asked`));
        return;
      }
      this.#questions += 1;
      this.#pending.set(this.#questions, { resolve, reject });
      void this.#send({ kind: 'ask', id: this.#questions, question });
    });
  }

  stop(): void {
    if (this.#state === 'ended') return;
    this.#state = 'draining';
    void this.#send({ kind: 'stop' });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Called every REPORT_EVERY_MS: counted, not timed, since a supervisor that slept knows nothing. */
  look(): void {
    this.#silentLooks += 1;
    if (this.#silentLooks <= this.#silentLooksMax || this.#wasHung) return;
    this.#wasHung = true;
    this.kill();
  }

  /** Slices one by one, at the pace at which the worker takes them. */
  async #sendRules({ version, domains, broken }: KeptSet): Promise<void> {
    for (const { revision, slices } of domains) {
      if (this.#sentRevisions.has(revision)) continue;
      for (const slice of slices) await this.#send({ kind: 'slice', revision, slice });
    }
    this.#sentRevisions = new Set(domains.map(({ revision }) => revision));
    const names = domains.map(({ domain, revision }) => ({ domain, revision }));
    await this.#send({ kind: 'rules', version, domains: names, broken });
  }

  /** Resolves when it was written, or never will be. */
  #send(order: Order, socket?: Socket): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#process.connected) return resolve();
      this.#process.send(order, socket, { keepOpen: false }, () => resolve());
    });
  }

  /** One at a time: what is handed to a worker that ends meanwhile is lost, what waits is not. */
  #handNext(): void {
    if (this.#isHanding || this.#state === 'ended') return;
    let socket = this.#sockets.shift();
    while (socket?.destroyed === true) socket = this.#sockets.shift();
    if (socket === undefined) return;
    if (!this.#process.connected) {
      // It has ended, which is about to be told: others get what waits.
      this.#sockets.unshift(socket);
      return;
    }
    this.#isHanding = true;
    void this.#send({ kind: 'connection' }, socket);
  }

  #receive(report: Report): void {
    this.#silentLooks = 0;
    this.#silentLooksMax = SILENT_LOOKS_MAX;
    if (report.kind === 'alive') {
      this.#isHealthy = report.isServing;
      this.#connections = report.connections;
    } else if (report.kind === 'taken') {
      this.#connections = report.connections;
      this.#isHanding = false;
      this.#handNext();
    } else if (report.kind === 'serving' && this.#state === 'starting') {
      this.#state = 'serving';
    } else if (report.kind === 'answer' || report.kind === 'unanswered') {
      const pending = this.#pending.get(report.id);
      this.#pending.delete(report.id);
      if (report.kind === 'answer') pending?.resolve(report.answer);
      else pending?.reject(new Error(report.text));
    }
    this.#listener.reported(this, report);
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    this.#state = 'ended';
    for (const pending of this.#pending.values()) {
      pending.reject(new Error(`worker ${this.number} ended`));
    }
    this.#pending.clear();
    const sockets = this.#sockets.splice(0);
    this.#listener.ended(this, { code, signal, wasHung: this.#wasHung, sockets });
  }
}
