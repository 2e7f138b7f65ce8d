/**
 * A load generator for one unary gRPC method: raw HTTP/2 frames on one socket, a fixed number of
 * streams in flight. It knows just enough of the protocol to be cheap: its requests are made
 * beforehand, and of the answers it reads the frames' lengths and ends.
 */
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Request messages, without gRPC's prefix, taken in turns. */
  readonly messages: readonly Uint8Array[];
  /** What each answer's message must be long at least. */
  readonly answerBytesMin: number;
  /** Streams in flight; with 64 bytes each, far below the 64 KiB that a server takes unread. */
  readonly streams: number;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEADER_BYTES = 9;
const GRPC_PREFIX_BYTES = 5;
const FrameType = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7 } as const;
const NOTHING = new Uint8Array(0);
const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
/** As large as a connection's window may be; a run stays far below it. */
const WINDOW_MAX = 2 ** 31 - 1;
/** A run that has no answer for so long is given up. */
const SILENCE_MS_MAX = 10_000;

export class LoadGenerator {
  readonly #load: Load;
  readonly #socket: Socket;
  readonly #bodies: readonly Buffer[];
  #rest: Buffer = Buffer.alloc(0);
  #nextStream = 1;
  #toStart = 0;
  #inFlight = 0;
  #finish: ((error: Error | null) => void) | null = null;
  #failure: Error | null = null;

  constructor(load: Load) {
    this.#load = load;
    this.#bodies = load.messages.map(grpcMessage);
    this.#socket = connect(load.port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(SILENCE_MS_MAX, () => this.#fail('no answer'));
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('connection closed'));
    this.#socket.write(Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, 0), openWindow()]));
  }

  /** Resolves when `requests` more requests were answered; rejects at the first that goes wrong. */
  run(requests: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = (error) => (error === null ? resolve() : reject(error));
      if (this.#failure !== null) reject(this.#failure);
      this.#toStart = requests;
      this.#start();
    });
  }

  close(): void {
    this.#finish = null;
    this.#socket.destroy();
  }

  /** Fills the streams in flight, in one write. */
  #start(): void {
    const frames: Buffer[] = [];
    while (this.#toStart > 0 && this.#inFlight < this.#load.streams) {
      const id = this.#nextStream;
      this.#nextStream += 2;
      this.#toStart--;
      this.#inFlight++;
      const body = this.#bodies[(id >> 1) % this.#bodies.length] as Buffer;
      const block = id === 1 ? firstHeaders(this.#load.path) : LATER_HEADERS;
      frames.push(frame(FrameType.HEADERS, END_HEADERS, id, block));
      frames.push(frame(FrameType.DATA, END_STREAM, id, body));
    }
    if (frames.length > 0) this.#socket.write(Buffer.concat(frames));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#frame(bytes.subarray(at, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#start();
    if (this.#inFlight === 0 && this.#toStart === 0) this.#finish?.(null);
  }

  #frame(bytes: Buffer): void {
    const type = bytes[3];
    const flags = bytes[4] as number;
    const payload = bytes.subarray(FRAME_HEADER_BYTES);
    if (type === FrameType.DATA) {
      const wanted = GRPC_PREFIX_BYTES + this.#load.answerBytesMin;
      if (payload.length < wanted) this.#fail(`an answer of ${payload.length} bytes`);
    } else if (type === FrameType.HEADERS) {
      if ((flags & END_STREAM) !== 0) this.#inFlight--;
    } else if (type === FrameType.SETTINGS || type === FrameType.PING) {
      if ((flags & ACK) === 0) this.#acknowledge(type, payload);
    } else if (type === FrameType.RST_STREAM || type === FrameType.GOAWAY) {
      this.#fail(`frame of type ${type}`);
    }
  }

  #acknowledge(type: number, payload: Buffer): void {
    const echo = type === FrameType.PING ? payload : NOTHING;
    this.#socket.write(frame(type, ACK, 0, echo));
  }

  #fail(what: string): void {
    this.#failure ??= new Error(`load generator: ${what}`);
    this.#finish?.(this.#failure);
    this.#socket.destroy();
  }
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

function openWindow(): Buffer {
  const WINDOW_UPDATE = 8;
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(WINDOW_MAX - 65_535);
  return frame(WINDOW_UPDATE, 0, 0, payload);
}

function grpcMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(GRPC_PREFIX_BYTES + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, GRPC_PREFIX_BYTES);
  return bytes;
}

/**
 * HPACK (RFC 7541): the first request teaches the server four headers, the later ones name them by
 * their place in the dynamic table, newest first from 62. Envoy does the same.
 */
function firstHeaders(path: string): Buffer {
  const indexed = (name: number, value: string): Buffer =>
    Buffer.concat([Buffer.from([0x40 | name]), text(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method POST, :scheme http
    indexed(4, path),
    indexed(1, '127.0.0.1'), // :authority
    indexed(31, 'application/grpc'), // content-type
    Buffer.from([0x40]),
    text('te'),
    text('trailers'),
  ]);
}
const LATER_HEADERS = Buffer.from([0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62]);

/** A string below 127 bytes, not Huffman-coded. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}
