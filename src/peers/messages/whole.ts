/** Numbers as they travel (64 bits) and as they are used (exact in a double). */

/** A message that makes no sense: nothing else is thrown by the decoders here. */
export class MalformedMessage extends Error {
  constructor(what: string) {
    super(`a message of a peer: ${what}`);
    this.name = 'MalformedMessage';
  }
}

/** Throws MalformedMessage beyond 2^53 − 1: nothing that is counted here gets there. */
export function wholeOf(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedMessage(`the number ${value}`);
  return Number(value);
}

/** A number from 0 that may have a fraction. Throws MalformedMessage for any other. */
export function amountOf(value: number): number {
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new MalformedMessage(`the amount ${value}`);
}

/** A field that must be there. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new MalformedMessage(`${what} is missing`);
  return value;
}
