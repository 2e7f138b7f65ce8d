import type { Persist } from '../../core/raft/effect.ts';
import type { LogIndex } from '../../core/raft/log-entry.ts';

/** What a voter asks of its storage. The first failure ends the voter. */
export interface VoterDisk {
  /** Resolves when all of it is durable. One at a time. */
  persist(effect: Persist): Promise<void>;
  compact(through: LogIndex): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/**
 * For a replica that is alone and was given no directory: nobody else remembers what it said, so it may
 * forget it with its process, as counters in memory are forgotten.
 */
export const VOLATILE_DISK: VoterDisk = {
  persist: () => Promise.resolve(),
  compact: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
