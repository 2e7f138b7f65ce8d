/** argv and environment to settings, settings to a service, signals to its end. */
import { compose } from './compose.ts';
import { readSettings } from './settings/read-settings.ts';

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
const { service, logger } = composeOrExit();
for (const note of notes) logger.announce('setting', { note });

let isStopping = false;
function stop(signal: string): void {
  if (isStopping) {
    logger.warn('second signal: ending at once', { signal });
    process.exit(EXIT_FAILURE);
  }
  isStopping = true;
  const { drainDelayMs, drainTimeoutMs } = settings.server;
  const force = setTimeout(
    () => process.exit(EXIT_FAILURE),
    drainDelayMs + drainTimeoutMs + FORCE_EXIT_AFTER_MS,
  );
  force.unref();
  void service.stop().then(() => process.exit(0));
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => stop(signal));

try {
  await service.start();
} catch (error) {
  fail(error);
}

/** Reads the TLS files, so it can fail for what the operator named. */
function composeOrExit(): ReturnType<typeof compose> {
  try {
    return compose(settings);
  } catch (error) {
    return fail(error);
  }
}

function fail(error: unknown): never {
  process.stderr.write(`weir: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(EXIT_FAILURE);
}
