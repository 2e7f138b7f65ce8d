/**
 * Profiles of the running process, over the inspector that node carries inside: no port is opened.
 *
 * One at a time and for a bounded time. Both kinds sample, so they cost a few per cent while they
 * run and their result is bounded by time. A whole heap snapshot is not offered: it would stop the
 * process for seconds and may double its memory.
 */
import { Session } from 'node:inspector/promises';

export const PROFILE_SECONDS_MAX = 60;
export const PROFILE_SECONDS_DEFAULT = 30;
/** One stack per millisecond: some 60 000 in the longest profile. */
const CPU_INTERVAL_US = 1000;
/** One allocation in so many bytes: the inspector's own default. */
const HEAP_INTERVAL_BYTES = 32_768;

/** `cpu` gives a .cpuprofile, `heap` a .heapprofile of what was allocated and still lives. */
export type ProfileKind = 'cpu' | 'heap';

export class Profiler {
  #isBusy = false;

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * JSON of a profile, which DevTools and editors read. `seconds` is 1..PROFILE_SECONDS_MAX; an
   * abort ends it early with what there is. Rejects when another one is running.
   */
  async record(kind: ProfileKind, seconds: number, signal: AbortSignal): Promise<string> {
    if (this.#isBusy) throw new Error('another profile is being recorded');
    this.#isBusy = true;
    const session = new Session();
    try {
      session.connect();
      const profile = kind === 'cpu' ? recordCpu : recordHeap;
      return await profile(session, () => elapsed(seconds * 1000, signal));
    } finally {
      session.disconnect();
      this.#isBusy = false;
    }
  }
}

async function recordCpu(session: Session, wait: () => Promise<void>): Promise<string> {
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_US });
  await session.post('Profiler.start');
  await wait();
  const { profile } = await session.post('Profiler.stop');
  return JSON.stringify(profile);
}

async function recordHeap(session: Session, wait: () => Promise<void>): Promise<string> {
  const samplingInterval = HEAP_INTERVAL_BYTES;
  await session.post('HeapProfiler.startSampling', { samplingInterval });
  await wait();
  const { profile } = await session.post('HeapProfiler.stopSampling');
  return JSON.stringify(profile);
}

function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener('abort', settle);
  });
}
