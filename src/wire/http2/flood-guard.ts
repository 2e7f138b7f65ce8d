/**
 * Frames that ask for work and bring none, counted per second. Kinds that ordinary peers send in
 * proportion to their calls have a further allowance for each call of that second.
 */
import type { Http2Counters } from './counters.ts';
import type { Http2Limits } from './limits.ts';

export const Flood = {
  RESET: 0,
  PING: 1,
  SETTINGS: 2,
  EMPTY_DATA: 3,
  WINDOW_UPDATE: 4,
  IDLE_FRAME: 5,
} as const;
export type Flood = (typeof Flood)[keyof typeof Flood];

const COUNTERS = [
  'resetFloods',
  'pingFloods',
  'settingsFloods',
  'emptyDataFloods',
  'windowUpdateFloods',
  'idleFrameFloods',
] as const satisfies readonly (keyof Http2Counters)[];

const PERIOD_MS = 1000;
/** A PING and two WINDOW_UPDATEs for each call are ordinary. */
const FREE_PER_REQUEST = 4;

export class FloodGuard {
  readonly #boundsMax: readonly number[];
  readonly #counters: Http2Counters;
  readonly #counts = [0, 0, 0, 0, 0, 0];
  #requests = 0;
  #periodEndMs = 0;

  constructor(limits: Http2Limits, counters: Http2Counters) {
    this.#counters = counters;
    this.#boundsMax = [
      limits.resetsPerSecondMax,
      limits.pingsPerSecondMax,
      limits.settingsPerSecondMax,
      limits.emptyDataPerSecondMax,
      limits.windowUpdatesPerSecondMax,
      limits.idleFramesPerSecondMax,
    ];
  }

  /** Told the time before a chunk is read. */
  advance(nowMs: number): void {
    if (nowMs < this.#periodEndMs) return;
    this.#periodEndMs = nowMs + PERIOD_MS;
    this.#requests = 0;
    this.#counts.fill(0);
  }

  countRequest(): void {
    this.#requests++;
  }

  /** Counts one; true when that is more than the peer may send. */
  exceeds(kind: Flood): boolean {
    const count = (this.#counts[kind] as number) + 1;
    this.#counts[kind] = count;
    const free =
      kind === Flood.PING || kind === Flood.WINDOW_UPDATE ? this.#requests * FREE_PER_REQUEST : 0;
    if (count <= (this.#boundsMax[kind] as number) + free) return false;
    this.#counters[COUNTERS[kind]]++;
    return true;
  }
}
