/** argv and environment to settings, settings to a service, signals to its end. */
import { compose } from './compose.ts';
import { readSettings } from './settings/read-settings.ts';
import { composeSupervisor, workerCount } from './workers/compose-supervisor.ts';
import { WORKER_ROLE } from './workers/protocol.ts';
import { runWorker } from './workers/run-worker.ts';

/** The environment is wrong: nothing was started. */
const EXIT_SETTINGS = 2;
/** A port could not be had, or the end came by force. */
const EXIT_FAILURE = 1;
/** After the drain's own deadlines the process ends whatever still hangs. */
const FORCE_EXIT_AFTER_MS = 5000;

const result = readSettings(process.env);
if ('problems' in result) {
  for (const note of result.notes) process.stderr.write(`weir: note: ${note}\n`);
  for (const problem of result.problems) process.stderr.write(`weir: ${problem}\n`);
  process.exit(EXIT_SETTINGS);
}

const { settings, notes } = result;
const { drainDelayMs, drainTimeoutMs } = settings.server;
const stopMsMax = drainDelayMs + drainTimeoutMs + FORCE_EXIT_AFTER_MS;
const workers = workerCount(settings);
const [role, number] = process.argv.slice(2);
if (role === WORKER_ROLE && process.send !== undefined) {
  await runWorker({
    number: Number(number),
    stopMsMax,
    compose: (side) => compose(settings, side),
  });
} else if (workers > 1) await supervise();
else await serve();

async function serve(): Promise<void> {
  try {
    const { service, logger } = compose(settings);
    for (const note of notes) logger.announce('setting', { note });
    onSignals(logger, {
      stop: () => {
        setTimeout(() => process.exit(EXIT_FAILURE), stopMsMax).unref();
        void service.stop().then(() => process.exit(0));
      },
      kill: () => {},
    });
    await service.start();
  } catch (error) {
    process.stderr.write(`weir: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(EXIT_FAILURE);
  }
}

async function supervise(): Promise<void> {
  const launch = { workers, entry: new URL(import.meta.url), env: process.env };
  const { supervisor, logger } = composeSupervisor(settings, launch);
  for (const note of notes) logger.announce('setting', { note });
  onSignals(logger, supervisor);
  process.exit(await supervisor.run());
}

function onSignals(
  logger: ReturnType<typeof compose>['logger'],
  running: { stop(): void; kill(): void },
): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.on(signal, () => {
      if (!isStopping) {
        isStopping = true;
        running.stop();
        return;
      }
      logger.warn('second signal: ending at once', { signal });
      running.kill();
      process.exit(EXIT_FAILURE);
    });
  }
}
