/**
 * Tells whether a file's text is the one that was compiled: its length and two independent 32-bit hashes
 * (FNV-1a with different primes). Not for texts made to collide: whoever writes limits files can write
 * any limit there anyway.
 */
export function fingerprint(text: string): string {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x85ebca6b) ^ (second >>> 13);
  }
  return `${text.length}:${(first >>> 0).toString(16)}:${(second >>> 0).toString(16)}`;
}
