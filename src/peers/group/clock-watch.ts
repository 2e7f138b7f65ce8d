/**
 * What follows from clocks that are apart, told at each change. A state is left only well below where it
 * begins, so that a clock at the edge does not flap.
 */
import type { DurationMs } from '../../core/time.ts';
import {
  type ClockSkew,
  certainSkewOf,
  SKEW_FENCED_MS,
  SKEW_PASSIVE_MS,
  SKEW_WARN_MS,
} from './clock-skew.ts';
import type { ClockState, GroupEvent } from './group-event.ts';

const STATES: readonly (readonly [state: ClockState, fromMs: DurationMs])[] = [
  ['fenced', SKEW_FENCED_MS],
  ['passive', SKEW_PASSIVE_MS],
  ['off', SKEW_WARN_MS],
];
const LEFT_AT = 0.8;
const OWN = '';

export class ClockWatch {
  readonly #skew: ClockSkew;
  readonly #onEvent: (event: GroupEvent) => void;
  /** By voter, and this replica's own: bounded by the list of voters. */
  readonly #states = new Map<string, ClockState>();

  constructor(skew: ClockSkew, onEvent: (event: GroupEvent) => void) {
    this.#skew = skew;
    this.#onEvent = onEvent;
  }

  /** This replica's own. */
  get state(): ClockState {
    return this.#states.get(OWN) ?? 'good';
  }

  look(): void {
    this.#note(OWN, this.#skew.ownMs);
    for (const peer of this.#skew.peers()) this.#note(peer.id, Math.abs(certainSkewOf(peer)));
  }

  #note(id: string, skewMs: DurationMs): void {
    const before = this.#states.get(id) ?? 'good';
    const reached = stateAt(skewMs);
    const kept = stateAt(skewMs / LEFT_AT);
    const state =
      rankOf(reached) > rankOf(before) || rankOf(kept) < rankOf(before) ? reached : before;
    if (state === before) return;
    this.#states.set(id, state);
    this.#onEvent({ kind: 'clock', id: id === OWN ? null : id, state, skewMs });
  }
}

function stateAt(skewMs: DurationMs): ClockState {
  return STATES.find(([, fromMs]) => skewMs >= fromMs)?.[0] ?? 'good';
}

/** How bad. */
function rankOf(state: ClockState): number {
  return ['good', 'off', 'passive', 'fenced'].indexOf(state);
}
