/**
 * A 64-bit fingerprint of bytes, for telling apart what should be the same. Two lanes of FNV-1a (Fowler,
 * Noll, Vo) with different starts, each mixed at the end so that single bits spread. Not for secrets.
 */
const PRIME = 0x01000193;
const START = 0x811c9dc5;
const OTHER_START = 0x9e3779b9;

/** 16 hexadecimal digits. */
export function fingerprintOf(bytes: Uint8Array): string {
  let one = START;
  let other = OTHER_START;
  for (const byte of bytes) {
    one = Math.imul(one ^ byte, PRIME);
    // The second lane also turns, or equal changes would cancel in both lanes alike.
    other = Math.imul(((other << 5) | (other >>> 27)) ^ byte, PRIME);
  }
  return hex(mix(one)) + hex(mix(other ^ bytes.length));
}

/** The finishing steps of MurmurHash3 (Appleby). */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
