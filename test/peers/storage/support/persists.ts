/** Short ways to write what a voter persists, and to open a storage on a simulated disk. */
import { expect } from 'vitest';
import type { Persist } from '../../../../src/core/raft/effect.ts';
import type { Entry } from '../../../../src/core/raft/log-entry.ts';
import { makeSnapshot, type Snapshot } from '../../../../src/core/raft/snapshot.ts';
import {
  type OpenedStorage,
  RaftStorage,
  type StorageOptions,
} from '../../../../src/peers/storage/raft-storage.ts';
import { StorageError } from '../../../../src/peers/storage/storage-error.ts';
import type { SimulatedDisk } from '../../../support/simulated-disk.ts';

/** Neither zero anywhere nor short: what a lost sector takes of it shows. */
const LONG = 'x'.repeat(600);

export function persistOf(changed: Partial<Persist> = {}): Persist {
  const nothing = { snapshot: null, truncateFrom: null, entries: [] };
  return { kind: 'persist', sequence: 1, term: 1, vote: 'a', ...nothing, ...changed };
}

export function entry(index: number, term = 1, text: string | null = LONG): Entry {
  return { index, term, payload: text === null ? null : new TextEncoder().encode(text) };
}

/** Entries `from` to `to`, of term 1. */
export function entries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));
}

export function snapshotOf(index: number, term = 1, text = 'state'): Snapshot {
  return makeSnapshot({ index, term }, new TextEncoder().encode(text));
}

export function openOn(
  disk: SimulatedDisk,
  changed: Partial<StorageOptions> = {},
): Promise<OpenedStorage> {
  const options = { clusterId: 'c', nodeId: 'a', disk: disk.attach(), ...changed };
  return RaftStorage.open('/voter', options);
}

/** Persists each and closes; the disk stays as it is then. */
export async function written(
  disk: SimulatedDisk,
  persists: readonly Persist[],
  changed: Partial<StorageOptions> = {},
): Promise<void> {
  const { storage } = await openOn(disk, changed);
  for (const persist of persists) await storage.persist(persist);
  await storage.close();
}

/** The StorageError that it rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<StorageError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageError);
  return error as StorageError;
}
