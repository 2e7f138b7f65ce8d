/**
 * The process that WORKERS over 1 adds: it answers no gRPC. It loads the limits, holds all ports,
 * hands each gRPC connection to a worker, replaces workers that end, and shows all of them as one.
 *
 * Start: rules, HTTP ports, workers, and when all of them serve the gRPC port. Stop: every worker
 * drains as a single process does, and the exit code tells whether all ended well.
 */
import type { Socket } from 'node:net';
import type { DurationMs } from '../core/time.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { EventsPart, SideListener } from '../service/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AcceptPort } from './accept-port.ts';
import { Deferred } from './deferred.ts';
import type { Fleet } from './fleet.ts';
import { REPORT_EVERY_MS, type Report } from './protocol.ts';
import type { RestartPolicy } from './restart-policy.ts';
import type { RuleAgreement } from './rule-agreement.ts';
import type { WorkerChild, WorkerEnd, WorkerListener } from './worker-child.ts';

export interface SupervisorParts {
  readonly workers: number;
  readonly events: EventsPart;
  readonly rules: RuleSource;
  readonly agreement: RuleAgreement;
  readonly fleet: Fleet;
  readonly restarts: RestartPolicy;
  readonly sideListeners: readonly SideListener[];
  readonly openPort: (take: (socket: Socket) => void) => AcceptPort;
  readonly start: (number: number, listener: WorkerListener) => WorkerChild;
  readonly monotonicNow: () => number;
  readonly logger: Logger;
  readonly drainDelayMs: DurationMs;
  readonly drainTimeoutMs: DurationMs;
  /** What runs, for the line at start. */
  readonly description: Readonly<Record<string, string | number | boolean>>;
}

/** Beyond both drain times a worker ends itself after 5 s; what is left then is ended by force. */
const FORCE_AFTER_MS = 7000;

export class Supervisor implements WorkerListener {
  readonly #parts: SupervisorParts;
  readonly #port: AcceptPort;
  readonly #replacements = new Set<NodeJS.Timeout>();
  readonly #allServe = new Deferred<undefined>();
  readonly #allEnded = new Deferred<undefined>();
  readonly #exitCode = new Deferred<number>();
  #looker: NodeJS.Timeout | undefined;
  #isStarted = false;
  #isStopping = false;
  #code = 0;
  #started = 0;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#port = parts.openPort((socket) => parts.fleet.take(socket));
  }

  /** '' when it should get traffic; else why not. */
  get ailment(): string {
    if (this.#isStopping) return 'draining';
    return this.#isStarted ? this.#parts.fleet.ailment : 'starting';
  }

  /** Resolves when it has stopped, with the exit code of the process. */
  async run(): Promise<number> {
    try {
      await this.#start();
    } catch (error) {
      this.#giveUp(error instanceof Error ? error.message : String(error));
    }
    return this.#exitCode.promise;
  }

  async #start(): Promise<void> {
    const { workers, events, rules, sideListeners, logger, description } = this.#parts;
    events.start();
    await rules.start();
    for (const listener of sideListeners) {
      if (this.#isStopping) return;
      await listener.listen();
    }
    if (this.#isStopping) return;
    this.#looker = setInterval(() => this.#look(), REPORT_EVERY_MS);
    for (let count = 0; count < workers; count += 1) this.#startWorker();
    await this.#allServe.promise;
    if (this.#isStopping) return;
    const grpcPort = await this.#port.listen();
    this.#isStarted = true;
    const domains = rules.current?.domains.size ?? 0;
    logger.announce('weir serves', { grpcPort, domains, ...description });
  }

  /** All workers drain, then the process may end; a stop under way stays what it is. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    void this.#stop().then(() => this.#exitCode.resolve(this.#code));
  }

  /** At once, without regard to calls. */
  kill(): void {
    for (const worker of this.#parts.fleet.workers) worker.kill();
  }

  reported(worker: WorkerChild, report: Report): void {
    const { fleet, agreement, workers, logger } = this.#parts;
    if (report.kind === 'ready') agreement.ready(worker, report.version);
    else if (report.kind === 'failed') this.#noteFailure(worker, report.text);
    else if (report.kind === 'serving') {
      logger.info('a worker serves', { worker: worker.number, pid: worker.pid });
      if (fleet.count('serving') === workers) this.#allServe.resolve(undefined);
    } else fleet.note(worker, report);
  }

  ended(worker: WorkerChild, end: WorkerEnd): void {
    const { fleet, agreement, logger } = this.#parts;
    const { code, signal, wasHung } = end;
    fleet.remove(worker, end);
    agreement.leave(worker);
    if (this.#isStopping) {
      if (code !== 0) this.#code = 1;
      if ([...fleet.workers].length === 0) this.#allEnded.resolve(undefined);
      return;
    }
    const reason = wasHung ? 'hung' : 'crashed';
    logger.error('a worker ended', {
      worker: worker.number,
      pid: worker.pid,
      reason,
      ...(code === null ? {} : { code }),
      ...(signal === null ? {} : { signal }),
    });
    this.#replace(reason);
  }

  #startWorker(): void {
    const { start, fleet, agreement } = this.#parts;
    // It was given up while the first ones were being started.
    if (this.#isStopping) return;
    this.#started += 1;
    let worker: WorkerChild;
    try {
      worker = start(this.#started, this);
    } catch (error) {
      this.#parts.logger.error('no process could be started', { error: String(error) });
      this.#replace('crashed');
      return;
    }
    fleet.add(worker);
    agreement.join(worker);
  }

  #replace(reason: 'crashed' | 'hung'): void {
    const { restarts, fleet, monotonicNow } = this.#parts;
    const delayMs = restarts.delayAfterEnd(monotonicNow());
    if (delayMs === null) {
      this.#giveUp(`${restarts.text}: look above for why; no more of them are replaced`);
      return;
    }
    fleet.restarts[reason] += 1;
    const timer = setTimeout(() => {
      this.#replacements.delete(timer);
      this.#startWorker();
    }, delayMs);
    this.#replacements.add(timer);
  }

  /** Before all have served, what one cannot is what none can; later it is a crash like others. */
  #noteFailure(worker: WorkerChild, text: string): void {
    if (this.#isStarted) {
      this.#parts.logger.error('a worker cannot start', { worker: worker.number, error: text });
    } else this.#giveUp(text);
  }

  /** Nothing more can be done here: those that serve drain, and the exit code says that it was no stop. */
  #giveUp(text: string): void {
    if (this.#isStopping) return;
    this.#code = 1;
    // The most severe level: it shows whatever the level of the log is.
    this.#parts.logger.log('PANIC', 'weir cannot go on', { error: text });
    this.stop();
  }

  #look(): void {
    for (const worker of this.#parts.fleet.workers) worker.look();
  }

  async #stop(): Promise<void> {
    const { events, fleet, rules, sideListeners, agreement, logger } = this.#parts;
    const { drainDelayMs, drainTimeoutMs } = this.#parts;
    logger.announce('weir drains', { drainDelayMs, drainTimeoutMs });
    events.stopping();
    this.#allServe.resolve(undefined);
    for (const timer of this.#replacements) clearTimeout(timer);
    agreement.close();
    const rulesClosed = rules.close();
    for (const worker of fleet.workers) worker.stop();
    if ([...fleet.workers].length === 0) this.#allEnded.resolve(undefined);
    const force = setTimeout(() => this.kill(), drainDelayMs + drainTimeoutMs + FORCE_AFTER_MS);
    const delay = new Promise((resolve) => setTimeout(resolve, drainDelayMs));
    await Promise.race([delay, this.#allEnded.promise]);
    this.#port.close();
    await this.#allEnded.promise;
    clearTimeout(force);
    clearInterval(this.#looker);
    // Counts of the last moments are here now: a scrape that waits for them gets them.
    await Promise.allSettled([
      ...sideListeners.map((listener) => listener.close(drainTimeoutMs)),
      rulesClosed,
    ]);
    await events.stop();
    logger.flush();
    logger.announce('weir stopped');
  }
}
