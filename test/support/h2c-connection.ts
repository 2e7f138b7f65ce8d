/**
 * One connection of plain HTTP/2 that makes unary gRPC calls of one method cheaply: the requests are made
 * beforehand, all calls between two flushes go in one write, and of an answer it reads the message and the
 * status. It obeys the server's bounds on streams and bytes; it does not pad, push or continue headers.
 */
import { connect, type Socket } from 'node:net';
import { HpackDecoder } from '../../src/wire/http2/hpack/decoder.ts';
import { FieldList } from '../../src/wire/http2/hpack/field-list.ts';
import { type Fields, frame, message, PREFACE, settings, windowUpdate } from './http2-frames.ts';

/** The stream was reset: the call has no gRPC status. */
export const STREAM_RESET = -1;

export interface CallListener {
  /** The message of an answer, whole; its bytes are the connection's again after the call. */
  readonly message: (stream: number, message: Buffer) => void;
  /** A call's end, with its gRPC status or STREAM_RESET. */
  readonly ended: (stream: number, status: number) => void;
  /** All that arrived at once was told: the time to flush new calls. */
  readonly settled: () => void;
  /** The connection is gone, by the server's doing or a breach of its own; no call on it ends now. */
  readonly closed: (reason: string) => void;
}

export interface ConnectionOptions {
  /** Loopback when absent. */
  readonly host?: string;
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Request messages without gRPC's prefix, called by their place here. */
  readonly messages: readonly Uint8Array[];
  /** Further header fields of every call, such as grpc-timeout. */
  readonly fields?: Fields;
  /** It is given up when nothing moves for so long; 10 s when absent. */
  readonly silenceMs?: number;
}

const FRAME_HEADER_BYTES = 9;
/** Place of the stream's number in a frame. */
const STREAM_AT = 5;
const GRPC_PREFIX_BYTES = 5;
const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const;
const Setting = { HEADER_TABLE_SIZE: 1, STREAMS_MAX: 3 } as const;
const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
/** What a connection may send before the server says more (RFC 9113, 6.9.2). */
const WINDOW_AT_START = 65_535;
/** As large as a connection's window may be; what one test receives stays far below it. */
const WINDOW_MAX = 2 ** 31 - 1;
const SILENCE_MS_DEFAULT = 10_000;
/** Far more than the header blocks of a test's answers. */
const FIELD_BYTES_MAX = 1 << 16;
/** A status that trailers do not name is UNKNOWN. */
const STATUS_UNKNOWN = 2;

/** DATA frames of messages, but for the number of their stream: one set for all connections. */
const framed = new WeakMap<readonly Uint8Array[], readonly Buffer[]>();

export class H2cConnection {
  /** Resolves at the server's first SETTINGS, or when the connection is gone. */
  readonly greeted: Promise<void>;
  readonly #listener: CallListener;
  readonly #socket: Socket;
  /** HEADERS of the first call and of all others. */
  readonly #first: Buffer;
  readonly #later: Buffer;
  readonly #bodies: readonly Buffer[];
  /** Bodies of calls begun since the last flush. */
  readonly #pending: Buffer[] = [];
  readonly #bodyBytesMax: number;
  readonly #decoder = new HpackDecoder(0);
  #greet: () => void = () => {};
  #rest: Buffer = Buffer.alloc(0);
  #nextStream = 1;
  #firstPending = 1;
  #inFlight = 0;
  #streamsMax = Number.POSITIVE_INFINITY;
  #window = WINDOW_AT_START;
  #isClosed = false;
  #lastTrailers: Buffer = Buffer.alloc(0);
  #lastStatus = STATUS_UNKNOWN;

  constructor(options: ConnectionOptions, listener: CallListener) {
    this.#listener = listener;
    this.#bodies = bodiesOf(options.messages);
    const { first, later } = headerBlocks(options.path, options.fields ?? []);
    this.#first = frame('HEADERS', 0, END_HEADERS, first);
    this.#later = frame('HEADERS', 0, END_HEADERS, later);
    this.#bodyBytesMax = this.#bodies.reduce((most, { length }) => Math.max(most, length), 0);
    this.greeted = new Promise((resolve) => {
      this.#greet = resolve;
    });
    this.#socket = connect(options.port, options.host ?? '127.0.0.1');
    this.#socket.setNoDelay(true);
    const silenceMs = options.silenceMs ?? SILENCE_MS_DEFAULT;
    this.#socket.setTimeout(silenceMs, () => this.#fail('no answer'));
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('connection closed'));
    // Without a table of theirs, equal bytes of two header blocks mean the same.
    const ours = settings([Setting.HEADER_TABLE_SIZE, 0]);
    const opened = windowUpdate(0, WINDOW_MAX - WINDOW_AT_START);
    this.#socket.write(Buffer.concat([PREFACE, ours, opened]));
  }

  /** Whether the server takes one more call now. */
  get hasRoom(): boolean {
    return (
      !this.#isClosed && this.#inFlight < this.#streamsMax && this.#window >= this.#bodyBytesMax
    );
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Begins a call with the message of that place; it goes with the next flush. Gives its stream. */
  call(messageAt: number): number {
    const stream = this.#nextStream;
    const body = this.#bodies[messageAt] as Buffer;
    this.#nextStream += 2;
    this.#inFlight += 1;
    this.#window -= body.length - FRAME_HEADER_BYTES;
    this.#pending.push(body);
    return stream;
  }

  /** Sends all calls begun since the last time, in one write. */
  flush(): void {
    if (this.#pending.length === 0) return;
    let stream = this.#firstPending;
    let length = 0;
    for (const body of this.#pending) length += this.#later.length + body.length;
    if (stream === 1) length += this.#first.length - this.#later.length;
    const out = Buffer.allocUnsafe(length);
    let at = 0;
    for (const body of this.#pending) {
      at = put(stream === 1 ? this.#first : this.#later, stream, out, at);
      at = put(body, stream, out, at);
      stream += 2;
    }
    this.#firstPending = stream;
    this.#pending.length = 0;
    this.#socket.write(out);
  }

  /** Ends it without a word to the listener. */
  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES && !this.#isClosed) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#frame(bytes, at, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
    if (!this.#isClosed) this.#listener.settled();
  }

  #frame(bytes: Buffer, start: number, end: number): void {
    const flags = bytes[start + 4] as number;
    const stream = bytes.readUInt32BE(start + 5);
    const payload = bytes.subarray(start + FRAME_HEADER_BYTES, end);
    switch (bytes[start + 3]) {
      case FrameType.DATA:
        return this.#message(stream, payload, flags);
      case FrameType.HEADERS:
        if ((flags & END_HEADERS) === 0) return this.#fail('headers in more than one frame');
        if ((flags & END_STREAM) !== 0) this.#ended(stream, this.#statusOf(payload));
        return;
      case FrameType.RST_STREAM:
        return this.#ended(stream, STREAM_RESET);
      case FrameType.SETTINGS:
        return this.#settings(payload, flags);
      case FrameType.PING:
        if ((flags & ACK) === 0) this.#socket.write(frame('PING', 0, ACK, payload));
        return;
      case FrameType.WINDOW_UPDATE:
        if (stream === 0) this.#window += payload.readUInt32BE(0);
        return;
      case FrameType.GOAWAY:
        return this.#fail(`GOAWAY ${payload.subarray(4).toString('latin1')}`);
      default:
    }
  }

  /** Servers send so small a message in one frame; one in pieces is a breach of this client's own. */
  #message(stream: number, payload: Buffer, flags: number): void {
    if (payload.length === 0 && (flags & END_STREAM) !== 0) return;
    const isWhole =
      payload.length >= GRPC_PREFIX_BYTES &&
      payload.readUInt32BE(1) === payload.length - GRPC_PREFIX_BYTES;
    if (!isWhole) return this.#fail(`a message in pieces: ${payload.length} bytes of it`);
    this.#listener.message(stream, payload.subarray(GRPC_PREFIX_BYTES));
  }

  #ended(stream: number, status: number): void {
    this.#inFlight -= 1;
    this.#listener.ended(stream, status);
  }

  /** Most trailers are those of the call before. */
  #statusOf(block: Buffer): number {
    if (block.equals(this.#lastTrailers)) return this.#lastStatus;
    const list = new FieldList(FIELD_BYTES_MAX);
    this.#decoder.decode(block, 0, block.length, list);
    const value = list.fields.find(({ name }) => name === 'grpc-status')?.value;
    this.#lastTrailers = Buffer.from(block);
    this.#lastStatus = value === undefined ? STATUS_UNKNOWN : Number(value);
    return this.#lastStatus;
  }

  #settings(payload: Buffer, flags: number): void {
    if ((flags & ACK) !== 0) return;
    for (let at = 0; at < payload.length; at += 6) {
      const isStreamsMax = payload.readUInt16BE(at) === Setting.STREAMS_MAX;
      if (isStreamsMax) this.#streamsMax = payload.readUInt32BE(at + 2);
    }
    this.#socket.write(frame('SETTINGS', 0, ACK));
    this.#greet();
  }

  #fail(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#greet();
    this.#listener.closed(reason);
  }
}

function bodiesOf(messages: readonly Uint8Array[]): readonly Buffer[] {
  const known = framed.get(messages);
  if (known !== undefined) return known;
  const bodies = messages.map((each) => frame('DATA', 0, END_STREAM, message(each)));
  framed.set(messages, bodies);
  return bodies;
}

/** Copies a frame, for that stream; gives the place after it. */
function put(bytes: Buffer, stream: number, out: Buffer, at: number): number {
  out.set(bytes, at);
  out.writeUInt32BE(stream, at + STREAM_AT);
  return at + bytes.length;
}

/**
 * HPACK (RFC 7541): the first call teaches the server its header fields, the later ones name them by
 * their place in the dynamic table, newest first from 62. Envoy does the same.
 */
function headerBlocks(path: string, more: Fields): { first: Buffer; later: Buffer } {
  const PSEUDO = [0x83, 0x86]; // :method POST, :scheme http
  const taught: Fields = [
    [':path', path],
    [':authority', '127.0.0.1'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ];
  const literals = taught.flatMap(([name, value]) => [
    Buffer.from([0x40]),
    text(name),
    text(value),
  ]);
  return {
    first: Buffer.concat([Buffer.from(PSEUDO), ...literals]),
    later: Buffer.from([...PSEUDO, ...taught.map((_, i) => 0x80 | (61 + taught.length - i))]),
  };
}

/** A string below 127 bytes, not Huffman-coded. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}
