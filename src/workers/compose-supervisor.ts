/** The supervisor's parts, put together: the same rules, metrics and ports as a single process has. */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { ProfileKind } from '../admin/profiler.ts';
import { monotonicNow, wallNow } from '../service/clocks.ts';
import { errorLog } from '../service/event-logs.ts';
import { registerEvents } from '../service/event-metrics.ts';
import { EventRecorder } from '../service/event-recorder.ts';
import { leasedNotice } from '../service/leased-notice.ts';
import { limitsSource } from '../service/limits-source.ts';
import { listenerOptions } from '../service/listener-options.ts';
import { adminListeners } from '../service/side-listeners.ts';
import { version } from '../service/version.ts';
import { describeSettings } from '../settings/describe-settings.ts';
import type { Settings } from '../settings/settings.ts';
import { Logger } from '../telemetry/logger.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { AcceptPort } from './accept-port.ts';
import { Fleet } from './fleet.ts';
import { KeptRules } from './kept-rules.ts';
import { WORKER_ROLE } from './protocol.ts';
import { RestartPolicy } from './restart-policy.ts';
import { RuleAgreement } from './rule-agreement.ts';
import { Supervisor } from './supervisor.ts';
import { WorkerChild } from './worker-child.ts';

const writeLog = (line: string): void => void process.stderr.write(line);

/** How a worker is started. */
export interface Launch {
  readonly workers: number;
  /** main.ts, or what it was compiled to. */
  readonly entry: URL;
  readonly env: NodeJS.ProcessEnv;
}

/** WORKERS as a number. */
export function workerCount({ server }: Settings): number {
  return server.workers === 'auto' ? availableParallelism() : server.workers;
}

export function composeSupervisor(
  settings: Settings,
  launch: Launch,
): { supervisor: Supervisor; logger: Logger } {
  const { workers } = launch;
  const logger = new Logger({ ...settings.log, write: writeLog, now: wallNow });
  const { isEnabled, responseTimeAsMs } = settings.metrics;
  const telemetry = new Telemetry({
    bounds: settings.metrics,
    responseTimeAsMs,
    logger,
    version,
    withProcessMetrics: isEnabled,
  });
  const events = new EventRecorder(settings, { logger, version, part: null });
  registerEvents(telemetry, events);
  const fleet = new Fleet(workers, telemetry);
  const kept = new KeptRules();
  const agreement = new RuleAgreement({ onAgreed: agreementLog(logger) });
  const notice = leasedNotice(settings, workers, logger);
  const rules = limitsSource(settings, {
    telemetry,
    logger,
    audit: events.audit,
    tap: (domain, slices) => kept.tap(domain, slices),
    onLoaded: (set) => {
      agreement.offer(kept.take(set));
      notice(set);
    },
  });
  const log = errorLog(logger);
  const { listen } = listenerOptions(settings, null);
  const supervisor: Supervisor = new Supervisor({
    workers,
    events,
    rules,
    agreement,
    fleet,
    restarts: new RestartPolicy(workers),
    sideListeners: adminListeners(settings, {
      rules,
      logger,
      answerJson: (body) => fleet.answerJson(body),
      isServing: () => supervisor.ailment === '',
      ailment: () => `${supervisor.ailment}\n`,
      statLines: () => fleet.statLines(),
      pageChunks: () => fleet.pageChunks(),
      profiler: new WorkerProfiler(fleet),
    }),
    openPort: (take) => new AcceptPort({ listen, take, log }),
    start: (number, listener) => new WorkerChild(number, startProcess(launch, number), listener),
    monotonicNow,
    logger,
    drainDelayMs: settings.server.drainDelayMs,
    drainTimeoutMs: settings.server.drainTimeoutMs,
    description: { version, ...describeSettings(settings), workers },
  });
  return { supervisor, logger };
}

function startProcess({ entry, env, workers }: Launch, number: number): ReturnType<typeof fork> {
  return fork(entry, [WORKER_ROLE, String(number)], {
    // The number itself, where `auto` was asked for: shares of limits depend on it.
    env: { ...env, WORKERS: String(workers) },
    // Numbers that JSON has no form for, and typed arrays, travel as they are.
    serialization: 'advanced',
  });
}

function agreementLog(logger: Logger): (version: number, late: number) => void {
  return (ruleSet, late) => {
    if (late > 0) logger.warn('workers are late with the newest rules', { version: ruleSet, late });
    else logger.info('all workers have the newest rules', { version: ruleSet });
  };
}

/** Profiles of a worker: this process would show nothing of what takes time. */
class WorkerProfiler {
  readonly #fleet: Fleet;
  isBusy = false;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  async record(kind: ProfileKind, seconds: number): Promise<string> {
    this.isBusy = true;
    try {
      return await this.#fleet.profile(kind, seconds);
    } finally {
      this.isBusy = false;
    }
  }
}
