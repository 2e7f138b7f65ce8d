/**
 * How much a ledger can hold. Every voter must refuse the same commands, so these are constants and not
 * options. A full ledger is below 16 MiB as a snapshot, and a full report below 64 KiB as a command.
 */

/** Replicas of the largest fleet, each twice: a restarted one has a session beside its former. */
export const SESSIONS_MAX = 1024;
/** Keys that are hot enough to be leased. */
export const RESOURCES_MAX = 4096;
/** Shares in all: 128 replicas that each hold a share of a thousand keys. */
export const SHARES_MAX = 131_072;
/** Shares of one session: all of it travels with each answer. */
export const SHARES_PER_SESSION_MAX = 1024;
/** Items of one report; more wait for the next. */
export const REPORT_ITEMS_MAX = 100;
/** A counter's key or an instance's name, in UTF-8. Longer keys are not leased. */
export const NAME_BYTES_MAX = 512;

const utf8 = new TextEncoder();

/** Not empty, not too long, and the same after a journey through UTF-8. */
export function isName(text: string): boolean {
  if (text === '' || text.length > NAME_BYTES_MAX || !text.isWellFormed()) return false;
  return utf8.encode(text).length <= NAME_BYTES_MAX;
}
