/**
 * How far wall clocks are apart. A request that a voter answered with its wall clock says where that clock
 * was between two moments of ours, so half a round trip is what is not known; of the latest samples the one
 * with the shortest round trip counts. Samples are kept against the monotonic clock, so that a step of
 * our own wall clock shows at once.
 *
 * Whose clock is wrong? The median of the voters' clocks is right, its own counting if it is a voter: a
 * minority cannot move it. Where an even number is known the two in the middle bound it, and the nearer
 * one counts: suspicion needs a majority. Only what is certain counts: what the round trip may explain is
 * taken off.
 */
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';
import { type Clocks, momentOf } from '../clocks.ts';

/** Worth a line in the log and an alarm. */
export const SKEW_WARN_MS = 50;
/** Beyond it a voter leaves leading to others. */
export const SKEW_PASSIVE_MS = 250;
/** Beyond it a replica neither grants nor spends. */
export const SKEW_FENCED_MS = 500;

/** Samples of a voter that are looked at. */
const SAMPLES_MAX = 8;
/** Clocks drift; older samples say little. */
const SAMPLE_AGE_MS_MAX = 60_000;

interface Sample {
  readonly at: MonotonicMs;
  /** Their wall clock minus our monotonic one. */
  readonly offset: number;
  readonly uncertaintyMs: DurationMs;
}

/** Positive: their clock is ahead of ours. */
export interface PeerSkew {
  readonly id: NodeId;
  readonly skewMs: number;
  readonly uncertaintyMs: DurationMs;
}

export class ClockSkew {
  readonly #clocks: Clocks;
  readonly #isVoter: boolean;
  /** By voter: bounded by the list of voters. */
  readonly #samples = new Map<NodeId, Sample[]>();

  constructor(clocks: Clocks, isVoter: boolean) {
    this.#clocks = clocks;
    this.#isVoter = isVoter;
  }

  /** A voter, not itself, had `wallMs` on its clock between `sentAt` and now. */
  observe(id: NodeId, sentAt: MonotonicMs, wallMs: WallMs): void {
    const now = this.#clocks.monotonic();
    if (!Number.isFinite(wallMs) || now < sentAt) return;
    const uncertaintyMs = (now - sentAt) / 2;
    const sample = { at: now, offset: wallMs - sentAt - uncertaintyMs, uncertaintyMs };
    const samples = [...(this.#samples.get(id) ?? []), sample];
    this.#samples.set(id, samples.slice(-SAMPLES_MAX));
  }

  peers(): PeerSkew[] {
    const { at, wall } = momentOf(this.#clocks);
    return [...this.#samples].flatMap(([id, samples]) => {
      const [best] = samples
        .filter((sample) => at - sample.at <= SAMPLE_AGE_MS_MAX)
        .sort((a, b) => a.uncertaintyMs - b.uncertaintyMs);
      if (best === undefined) return [];
      const { offset, uncertaintyMs } = best;
      return [{ id, skewMs: offset - (wall - at), uncertaintyMs }];
    });
  }

  /** How far, for certain, this replica's own clock is off; 0 while nothing says so. */
  get ownMs(): DurationMs {
    const certain = this.peers().map(certainSkewOf);
    const sorted = (this.#isVoter ? [0, ...certain] : certain).sort((a, b) => a - b);
    const { length } = sorted;
    if (length === 0) return 0;
    const [low, high] = [sorted[(length - 1) >> 1] as number, sorted[length >> 1] as number];
    return low * high <= 0 ? 0 : Math.min(Math.abs(low), Math.abs(high));
  }
}

/** The part of a skew that the round trip cannot explain. */
export function certainSkewOf({ skewMs, uncertaintyMs }: PeerSkew): number {
  return Math.sign(skewMs) * Math.max(0, Math.abs(skewMs) - uncertaintyMs);
}
