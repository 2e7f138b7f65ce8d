/**
 * The Huffman code of RFC 7541, appendix B.
 *
 * The code is canonical: among symbols of one length, codes count upwards in symbol order, and each
 * longer length goes on where the shorter ended. So the lengths alone give every code, and they are
 * all that is written down here. Decoding walks the code's tree four bits at a time, through a table
 * made once from those lengths: no code is shorter than five bits, so a step yields at most one byte.
 */

/** Bits of the code of each byte, then of the end-of-string symbol. */
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const EOS = 256;
const BITS_MAX = 30;
const STEP_BITS = 4;
const STEPS = 1 << STEP_BITS;
/** A code of 257 leaves has 256 inner nodes: the decoder's states. */
const STATES = 256;
/** Padding is a prefix of the end-of-string code, shorter than a byte. */
const PADDING_BITS_MAX = 7;

/** In a table entry: the next state, then this flag and the byte above it, or FAILS alone. */
const YIELDS = 0x100;
const BYTE_SHIFT = 9;
const FAILS = 0x80_00_00;

/** The code of each symbol, right-aligned. */
const CODES = assignCodes();
const TREE = buildTree();
const TABLE = buildTable();
/** 1 for the states in which a text may end. */
const MAY_END = endStates();

const LATIN1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

function assignCodes(): Uint32Array {
  const codes = new Uint32Array(EOS + 1);
  let next = 0;
  for (let bits = 1; bits <= BITS_MAX; bits++) {
    next *= 2;
    for (let symbol = 0; symbol <= EOS; symbol++) {
      if (CODE_BITS[symbol] === bits) codes[symbol] = next++;
    }
  }
  return codes;
}

/** Node n's children are at 2n and 2n + 1: an inner node's number, or ~symbol for a leaf. */
function buildTree(): Int16Array {
  const tree = new Int16Array(STATES * 2);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    const code = CODES[symbol] as number;
    let node = 0;
    for (let bit = (CODE_BITS[symbol] as number) - 1; bit > 0; bit--) {
      const at = node * 2 + ((code >>> bit) & 1);
      if (tree[at] === 0) tree[at] = nodes++;
      node = tree[at] as number;
    }
    tree[node * 2 + (code & 1)] = ~symbol;
  }
  return tree;
}

function buildTable(): Int32Array {
  const table = new Int32Array(STATES * STEPS);
  for (let state = 0; state < STATES; state++) {
    for (let bits = 0; bits < STEPS; bits++) table[state * STEPS + bits] = step(state, bits);
  }
  return table;
}

function step(state: number, bits: number): number {
  let node = state;
  let byte = 0;
  for (let bit = STEP_BITS - 1; bit >= 0; bit--) {
    node = TREE[node * 2 + ((bits >>> bit) & 1)] as number;
    if (node >= 0) continue;
    if (~node === EOS) return FAILS;
    byte = YIELDS | (~node << BYTE_SHIFT);
    node = 0;
  }
  return node | byte;
}

function endStates(): Uint8Array {
  const states = new Uint8Array(STATES);
  for (let node = 0, bits = 0; bits <= PADDING_BITS_MAX; bits++) {
    states[node] = 1;
    node = TREE[node * 2 + 1] as number;
  }
  return states;
}

/** The text, one character a byte, or null when the bits are no whole Huffman text. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | null {
  let state = 0;
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    let entry = TABLE[state * STEPS + (byte >>> STEP_BITS)] as number;
    if (entry === FAILS) return null;
    if (entry >= YIELDS) text += LATIN1[entry >>> BYTE_SHIFT];
    entry = TABLE[(entry & 0xff) * STEPS + (byte & (STEPS - 1))] as number;
    if (entry === FAILS) return null;
    if (entry >= YIELDS) text += LATIN1[entry >>> BYTE_SHIFT];
    state = entry & 0xff;
  }
  return MAY_END[state] === 1 ? text : null;
}

/** Bytes that the text takes when Huffman-coded. Characters above 255 count as their low byte. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODE_BITS[text.charCodeAt(i) & 0xff] as number;
  return (bits + 7) >>> 3;
}

/** Writes the text's code at `at`, padded to a whole byte; returns the place after it. */
export function encodeHuffman(text: string, out: Uint8Array, at: number): number {
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    const code = CODES[symbol] as number;
    // Byte by byte from the top: 7 held bits and 30 new ones would not fit in 32.
    for (let left = CODE_BITS[symbol] as number; left > 0; ) {
      const taken = Math.min(left, 8);
      left -= taken;
      held = (held << taken) | ((code >>> left) & ((1 << taken) - 1));
      heldBits += taken;
      if (heldBits >= 8) {
        heldBits -= 8;
        out[at++] = held >>> heldBits;
        held &= (1 << heldBits) - 1;
      }
    }
  }
  if (heldBits > 0) out[at++] = (held << (8 - heldBits)) | (0xff >>> heldBits);
  return at;
}
