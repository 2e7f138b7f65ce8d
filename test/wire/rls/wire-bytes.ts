/** Protobuf's wire format piece by piece, so that tests can also write what no encoder would. */

export const hex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A varint of 64 bits, made longer than it need be by `padding` empty groups of seven bits. */
export function varint(value: bigint | number, padding = 0): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn));
    rest >>= 7n;
  } while (rest > 0n);
  for (let i = 0; i < padding && bytes.length < 10; i++) bytes.push(0);
  return new Uint8Array(bytes.map((byte, i) => (i < bytes.length - 1 ? byte | 0x80 : byte)));
}

export const tag = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType);

export function numberField(field: number, value: bigint | number, padding = 0): Uint8Array {
  return concat(tag(field, 0), varint(value, padding));
}

export function bytesField(field: number, content: Uint8Array, padding = 0): Uint8Array {
  return concat(tag(field, 2), varint(content.length, padding), content);
}

export function textField(field: number, text: string, padding = 0): Uint8Array {
  return bytesField(field, new Uint8Array(Buffer.from(text, 'utf8')), padding);
}
