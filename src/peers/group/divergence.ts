/**
 * Voters apply the same commands to the same ledger, so two that differ at one index have met a defect, or a
 * disk that lies. Nobody can say which of them is right; that they differ must not go unseen.
 */
import type { LogIndex, NodeId } from '../../core/raft/log-entry.ts';

/** The ledger, after all entries up to `index`. */
export interface Checkpoint {
  readonly index: LogIndex;
  readonly fingerprint: string;
}

export class Divergence {
  /** Where each voter was last found to differ: bounded by the list of voters. */
  readonly #told = new Map<NodeId, LogIndex>();

  /** True when a voter's ledger differs from this one's, once for each index. */
  isNews(own: Checkpoint | null, from: NodeId, theirs: Checkpoint): boolean {
    const { index, fingerprint } = theirs;
    if (own?.index !== index || own.fingerprint === fingerprint) return false;
    if (this.#told.get(from) === index) return false;
    this.#told.set(from, index);
    return true;
  }
}
