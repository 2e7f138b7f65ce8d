/** What one session holds of one resource, as the ledger knows it. */
import type { WallMs } from '../time.ts';
import type { SessionId } from './command.ts';
import type { RateShareSize } from './token-bucket.ts';

export interface Session {
  readonly id: SessionId;
  readonly instance: string;
  readonly incarnation: number;
  /** Of the last report that was counted; 0 before the first. */
  readonly sequence: number;
}

/** When a share was last changed: its fencing numbers. */
export interface ShareStamp {
  /** Of the leader whose command it was. */
  readonly term: number;
  /** One counter for all shares and sessions of the ledger, so it tells which of two is later. */
  readonly generation: number;
}

/** Sums over the life of the share, which is one window. */
export interface CountShare extends ShareStamp {
  readonly window: WallMs;
  readonly granted: number;
  /** As reported. */
  readonly used: number;
  readonly returned: number;
}

/** What its holder may be spending is `held`; while a decrease is under way, `target` is less. */
export interface RateShare extends ShareStamp {
  readonly held: RateShareSize;
  readonly target: RateShareSize;
}

/** Hits that may be spent still, or are spent and not reported. */
export function outstandingOf({ granted, used, returned }: CountShare): number {
  return granted - used - returned;
}

export function isRevoking({ held, target }: RateShare): boolean {
  return target.rate < held.rate || target.burst < held.burst;
}
