/** Names in a voter's directory. Numbers have a fixed width, so that names sort as numbers do. */
import type { LogIndex } from '../../core/raft/log-entry.ts';

export const IDENTITY_FILE = 'identity.json';
/**
 * A file that is being written; it counts from its rename on, and a start removes what a crash
 * left.
 */
export const TEMPORARY_SUFFIX = '.tmp';
export const LOCK_PREFIX = 'lock-';

/** 2^53 has 16 digits. */
const DIGITS = 16;
const SEGMENT = /^log-(\d{16})$/;
const SNAPSHOT = /^snapshot-(\d{16})$/;

/** `number`: of its first record. */
export function segmentName(number: number): string {
  return `log-${String(number).padStart(DIGITS, '0')}`;
}

/** `index`: of the last entry that it stands for. */
export function snapshotName(index: LogIndex): string {
  return `snapshot-${String(index).padStart(DIGITS, '0')}`;
}

/** The number of its first record; null for another file. */
export function segmentNumber(name: string): number | null {
  return numberIn(SEGMENT, name);
}

export function snapshotIndex(name: string): LogIndex | null {
  return numberIn(SNAPSHOT, name);
}

function numberIn(pattern: RegExp, name: string): number | null {
  const digits = pattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Whether it holds a part of the state. */
export function isScanned(name: string): boolean {
  return name === IDENTITY_FILE || segmentNumber(name) !== null || snapshotIndex(name) !== null;
}

export function isLock(name: string): boolean {
  return name.startsWith(LOCK_PREFIX) && !name.endsWith(TEMPORARY_SUFFIX);
}

/** Of a write to such a file, or of a lock, that was cut short. */
export function isTemporary(name: string): boolean {
  if (!name.endsWith(TEMPORARY_SUFFIX)) return false;
  return name.startsWith(LOCK_PREFIX) || isScanned(name.slice(0, -TEMPORARY_SUFFIX.length));
}

/** Whether the storage made it. */
export function isOurs(name: string): boolean {
  return isScanned(name) || isLock(name) || isTemporary(name);
}
