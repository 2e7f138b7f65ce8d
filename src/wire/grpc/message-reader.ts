/**
 * The one message of a unary or server-streaming request: five bytes of prefix (a compressed flag,
 * a length), then the message.
 *
 * A message that arrives whole, as nearly all do, is handed over where it lies. One in pieces is put
 * together in memory that grows with what has arrived, not with what was announced.
 */
import { GrpcStatus } from '../rpc-server.ts';

/** Why a message cannot be taken. */
export class MessageFault {
  readonly status: GrpcStatus;
  readonly text: string;

  constructor(status: GrpcStatus, text: string) {
    this.status = status;
    this.text = text;
  }
}

/** Memory for messages in pieces, one connection's together. */
export interface AssemblyBudget {
  /** False when there is no room for so many more bytes. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Inflates at most `bytesMax` bytes; a fault when it is more, or no gzip. */
export type Gunzip = (bytes: Uint8Array, bytesMax: number) => Uint8Array | MessageFault;

export interface MessageTerms {
  readonly isGzip: boolean;
  readonly receiveBytesMax: number;
  readonly gunzip: Gunzip;
  readonly budget: AssemblyBudget;
}

export const PREFIX_BYTES = 5;
const ASSEMBLY_BYTES_MIN = 1024;
const NOTHING = new Uint8Array(0);

export class MessageReader {
  readonly #terms: MessageTerms;
  #assembly: Uint8Array = NOTHING;
  #held = 0;

  constructor(terms: MessageTerms) {
    this.#terms = terms;
  }

  /**
   * Adds bytes[start, end). Null while the request is not complete; then the message, valid until
   * this returns to the transport.
   */
  read(bytes: Uint8Array, start: number, end: number, isLast: boolean): Outcome {
    if (isLast && this.#held === 0) return this.#open(bytes, start, end);
    const fault = this.#add(bytes, start, end);
    if (fault !== null) return fault;
    return isLast ? this.#open(this.#assembly, 0, this.#held) : null;
  }

  /** Gives the memory of pieces back. */
  clear(): void {
    this.#terms.budget.give(this.#assembly.length);
    this.#assembly = NOTHING;
    this.#held = 0;
  }

  #add(bytes: Uint8Array, start: number, end: number): MessageFault | null {
    const held = this.#held + end - start;
    if (!this.#makeRoom(held)) {
      return new MessageFault(GrpcStatus.RESOURCE_EXHAUSTED, 'too many incomplete requests');
    }
    this.#assembly.set(bytes.subarray(start, end), this.#held);
    this.#held = held;
    if (held < PREFIX_BYTES) return null;
    const length = messageLength(this.#assembly, 0);
    return this.#faultOf(length, held - PREFIX_BYTES > length);
  }

  #makeRoom(bytes: number): boolean {
    const { length } = this.#assembly;
    if (bytes <= length) return true;
    const larger = Math.max(bytes, length * 2, ASSEMBLY_BYTES_MIN);
    if (!this.#terms.budget.take(larger - length)) return false;
    const assembly = new Uint8Array(larger);
    assembly.set(this.#assembly);
    this.#assembly = assembly;
    return true;
  }

  #open(bytes: Uint8Array, start: number, end: number): Outcome {
    const body = end - start;
    if (body < PREFIX_BYTES) {
      return new MessageFault(GrpcStatus.INTERNAL, 'the request holds no message');
    }
    const length = messageLength(bytes, start);
    const fault = this.#faultOf(length, body - PREFIX_BYTES > length);
    if (fault !== null) return fault;
    if (body - PREFIX_BYTES < length) {
      return new MessageFault(GrpcStatus.INTERNAL, 'the message ends before its length');
    }
    const at = bytes.byteOffset + start + PREFIX_BYTES;
    const message = new Uint8Array(bytes.buffer, at, length);
    const flag = bytes[start] as number;
    return flag === 0 ? message : this.#inflate(flag, message);
  }

  #inflate(flag: number, message: Uint8Array): Uint8Array | MessageFault {
    if (flag !== 1) {
      return new MessageFault(GrpcStatus.INTERNAL, `${flag} is no compressed flag of a message`);
    }
    const { isGzip, gunzip, receiveBytesMax } = this.#terms;
    if (isGzip) return gunzip(message, receiveBytesMax);
    return new MessageFault(GrpcStatus.INTERNAL, 'a compressed message without grpc-encoding');
  }

  #faultOf(length: number, hasMore: boolean): MessageFault | null {
    const { receiveBytesMax } = this.#terms;
    if (length > receiveBytesMax) {
      return new MessageFault(
        GrpcStatus.RESOURCE_EXHAUSTED,
        `a message of ${length} bytes is larger than the ${receiveBytesMax} that are taken`,
      );
    }
    return hasMore ? new MessageFault(GrpcStatus.INTERNAL, 'more than one message') : null;
  }
}

export type Outcome = Uint8Array | MessageFault | null;

function messageLength(bytes: Uint8Array, start: number): number {
  const high = bytes[start + 1] as number;
  const rest =
    ((bytes[start + 2] as number) << 16) |
    ((bytes[start + 3] as number) << 8) |
    (bytes[start + 4] as number);
  return high * 0x100_0000 + rest;
}
