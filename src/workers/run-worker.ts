/** A worker process from its start to its end. */
import type { HttpAnswer } from '../admin/http-server.ts';
import { Profiler } from '../admin/profiler.ts';
import type { DurationMs } from '../core/time.ts';
import { ReceivedRuleSource, type ReceivedRulesOptions } from './received-rules.ts';
import { SupervisorLink } from './supervisor-link.ts';
import { Worker, type WorkerParts } from './worker.ts';

/** What a worker has in place of what a single process has. */
export interface WorkerSide {
  readonly number: number;
  readonly rules: (options: Omit<ReceivedRulesOptions, 'onReady'>) => ReceivedRuleSource;
}

/** A Weir composed for a worker; null: its listener takes no connections of others. */
export interface ComposedWorker extends Pick<WorkerParts, 'service' | 'health' | 'telemetry'> {
  readonly listener: WorkerParts['listener'] | null;
  readonly answerJson: (body: string) => Promise<HttpAnswer>;
}

export interface WorkerRun {
  readonly number: number;
  /** A drain that is not over by then is ended by force. */
  readonly stopMsMax: DurationMs;
  readonly compose: (side: WorkerSide) => ComposedWorker;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Never rejects: what goes wrong is told to the supervisor, and ends the process. */
export async function runWorker({ number, stopMsMax, compose }: WorkerRun): Promise<void> {
  const link = new SupervisorLink(process);
  // A terminal and a service manager tell all processes of a group: here the supervisor decides.
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!link.isConnected) process.exit(1);
    });
  }
  try {
    let rules: ReceivedRuleSource | null = null;
    const composed = compose({
      number,
      rules: (options) => {
        rules = new ReceivedRuleSource({
          ...options,
          onReady: (version) => void link.send({ kind: 'ready', version }),
        });
        return rules;
      },
    });
    const { listener } = composed;
    if (rules === null || listener === null) throw new Error('this is no worker');
    const worker = new Worker({
      ...composed,
      link,
      rules,
      listener,
      profiler: new Profiler(),
      exit: (code) => process.exit(code),
      stopMsMax,
    });
    await worker.start();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    await link.send({ kind: 'failed', text });
    process.exit(1);
  }
}
