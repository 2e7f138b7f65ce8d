/**
 * A leader's view of one follower (thesis, 3.5 and 10.2.2).
 *
 *   probe      its log's end is unknown: one append at a time, until one matches
 *   replicate  it matches: appends go ahead of the answers, up to the in-flight limit
 *   snapshot   it needs entries that are gone: chunks of a snapshot, one at a time
 */
import type { LogIndex, NodeId } from './log-entry.ts';
import type { Snapshot } from './snapshot.ts';

export type ProgressState =
  /** `isWaiting`: a probe is out. Should it be lost, the answer to a heartbeat brings the next. */
  | { readonly kind: 'probe'; isWaiting: boolean }
  /** Last index of each append with entries that is out, oldest first. */
  | { readonly kind: 'replicate'; inFlight: LogIndex[] }
  /** Keeps its snapshot to the end, though the leader may have a later one meanwhile. */
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot; offset: number };

export class FollowerProgress {
  readonly peer: NodeId;
  /** Its disk holds the leader's log up to here. Never goes back. */
  match: LogIndex = 0;
  /** The next entry to send it. Above `match`. */
  next: LogIndex;
  state: ProgressState = { kind: 'probe', isWaiting: false };

  constructor(peer: NodeId, next: LogIndex) {
    this.peer = peer;
    this.next = next;
  }

  /** Starts over at `next`, no lower than what is known to match. */
  probeFrom(next: LogIndex, isWaiting = false): void {
    this.next = Math.max(next, this.match + 1);
    this.state = { kind: 'probe', isWaiting };
  }

  /** Its process started again: what was in flight to it is lost, what it acknowledged is not. */
  noteRestart(): void {
    this.probeFrom(this.state.kind === 'replicate' ? this.match + 1 : this.next);
  }

  /** Whether an append with entries may go now. */
  canTakeEntries(inFlightMax: number): boolean {
    switch (this.state.kind) {
      case 'probe':
        return !this.state.isWaiting;
      case 'replicate':
        return this.state.inFlight.length < inFlightMax;
      case 'snapshot':
        return false;
    }
  }

  /** An append went out whose entries end at `last`. */
  noteSent(last: LogIndex): void {
    if (this.state.kind === 'probe') this.state.isWaiting = true;
    else if (this.state.kind === 'replicate') {
      this.state.inFlight.push(last);
      this.next = last + 1;
    }
  }

  /** It has everything up to `match`: no more probing, and what was in flight up to there is over. */
  noteMatch(match: LogIndex): void {
    this.match = Math.max(this.match, match);
    this.next = Math.max(this.next, this.match + 1);
    const { state } = this;
    if (state.kind === 'snapshot' && this.match < state.snapshot.meta.index) return;
    const inFlight = state.kind === 'replicate' ? state.inFlight : [];
    this.state = { kind: 'replicate', inFlight: inFlight.filter((last) => last > this.match) };
  }

  /** Whether a refusal at `prevIndex` says something new, and is not an answer that came late. */
  isNews(prevIndex: LogIndex): boolean {
    if (this.state.kind === 'snapshot' || prevIndex <= this.match) return false;
    return this.state.kind === 'probe' ? prevIndex === this.next - 1 : prevIndex < this.next;
  }
}
