/**
 * Everything that storage can fail with, and the one place where the system's errors become ours.
 */

/** The advice for a disk that is not what was acknowledged: to go on with less would break Raft. */
export const LOST_DISK_ADVICE =
  'A voter whose disk lost something must not come back under its id: remove it from the group and let ' +
  'a new voter take its place, or restore this very directory.';

export type StorageErrorCode =
  /** Another process uses the directory. */
  | 'locked'
  /**
   * The directory is another voter's, another cluster's or another format's, or no voter's at all.
   */
  | 'other-identity'
  /** It does not hold what was acknowledged. */
  | 'corrupt'
  | 'disk-full'
  /** EROFS, EACCES, EPERM. */
  | 'not-writable'
  /** EIO and all else that the system says. */
  | 'io'
  /** A bound of ours: of a record or of the directory. */
  | 'too-large'
  /** The caller asked for what makes no sense: entries that do not follow, two persists at once. */
  | 'misuse'
  | 'closed';

/** Its message says what, which file, and what to do. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StorageError';
    this.code = code;
  }
}

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'not-writable',
  EACCES: 'not-writable',
  EPERM: 'not-writable',
};

const ADVICE: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  'disk-full': 'Make room and start again: nothing that was acknowledged is lost.',
  'not-writable': 'The directory must be writable by this process.',
  io: 'What reached the disk is unknown, so the process must end; look at the disk before a start.',
};

/** `doing` reads as "while …": `writing 0001.log`. */
export function translateError(error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error;
  const { code: errno = '', message } = error as NodeJS.ErrnoException;
  const code = CODES[errno] ?? 'io';
  return new StorageError(code, `${doing}: ${message}. ${ADVICE[code]}`, error);
}
