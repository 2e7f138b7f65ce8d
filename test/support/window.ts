/** Windows are aligned to the wall clock; a test that counts must not be cut in two by the end of one. */
import { pause } from './child.ts';

/**
 * Resolves when the current window of `windowSeconds` has at least `roomSeconds` left: at once, or after
 * at most `roomSeconds`, at the start of the next one.
 */
export async function roomInWindow(windowSeconds: number, roomSeconds: number): Promise<void> {
  const leftMs = windowSeconds * 1_000 - (Date.now() % (windowSeconds * 1_000));
  if (leftMs < roomSeconds * 1_000) await pause(leftMs + 50);
}
