/** Tasks of stores that come again and again. */
import type { DurationMs } from '../core/time.ts';

/** Runs `task` every `everyMs` until the function it returns is called. */
export type Repeat = (task: () => void, everyMs: DurationMs) => () => void;

/** By a timer that does not keep the process alive. */
export const repeatUnref: Repeat = (task, everyMs) => {
  const timer = setInterval(task, everyMs).unref();
  return () => clearInterval(timer);
};
