/**
 * The hybrid logical clock in what replicas say to each other: each message carries its sender's time, and
 * what its receiver does from then on is later. A time that is too far ahead is not taken over, the message
 * is: quotas have clocks of their own.
 */
import { create } from '@bufbuild/protobuf';
import type { HybridClock } from '../../core/hlc/hybrid-clock.ts';
import type { WallMs } from '../../core/time.ts';
import { type HybridTime, HybridTimeSchema } from '../../gen/weir/peer/v1/peer_pb.ts';
import type { PeerCounts } from '../group/peer-counts.ts';

/** A message with a time; older programs send none. */
export interface Timed {
  time?: HybridTime | undefined;
}

export class PeerTime {
  readonly #clock: HybridClock;
  readonly #wall: () => WallMs;
  readonly #counts: PeerCounts;

  constructor(clock: HybridClock, wall: () => WallMs, counts: PeerCounts) {
    this.#clock = clock;
    this.#wall = wall;
    this.#counts = counts;
  }

  /** For a message on its way out. */
  stamp(): HybridTime {
    const { wallMs, counter } = this.#clock.tick(this.#wall());
    return create(HybridTimeSchema, { wallMs, counter });
  }

  /** Of a message that came. */
  take({ time }: Timed): void {
    if (time === undefined) return;
    const { wallMs, counter } = time;
    const received = this.#clock.receive({ wallMs, counter }, this.#wall());
    if (received.kind !== 'taken') this.#counts.timesRefused += 1;
  }
}
