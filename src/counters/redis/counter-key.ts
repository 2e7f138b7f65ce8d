/**
 * Counter keys as Redis gets them with the exact format. Values of entries may be whole tokens, and
 * a caller chooses them: a key beyond the bound is cut there, and the SHA-256 of the whole follows,
 * so that a counter costs Redis, the connection and the script no more than that.
 *
 * Still unambiguous: keys sent as they are have at most KEY_CHARACTERS_MAX UTF-16 units, shortened
 * ones always more, and of those the hash tells one from another. The prefix of all keys stays in
 * front. Keys of the reference's format are never shortened: both services must meet in one key.
 */
import { hash } from 'node:crypto';

/** In UTF-16 units. Descriptors of names, paths and addresses are far below it. */
export const KEY_CHARACTERS_MAX = 1024;

/** The key itself, or its first KEY_CHARACTERS_MAX units, `#sha256:` and 64 hex digits. */
export function boundedKey(key: string): string {
  if (key.length <= KEY_CHARACTERS_MAX) return key;
  // The cut may fall into a surrogate pair: a U+FFFD is sent for that half, the hash has it whole.
  return `${key.slice(0, KEY_CHARACTERS_MAX)}#sha256:${hash('sha256', key)}`;
}
