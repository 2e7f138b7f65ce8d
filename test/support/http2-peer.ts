/**
 * A client of an Http2Connection in memory, with a clock of its own: sends frames, reads lines.
 */
import { GrpcService } from '../../src/wire/grpc/grpc-service.ts';
import type { Gunzip } from '../../src/wire/grpc/message-reader.ts';
import { Http2Connection } from '../../src/wire/http2/connection.ts';
import { createHttp2Counters } from '../../src/wire/http2/counters.ts';
import { HTTP2_LIMITS, type Http2Limits } from '../../src/wire/http2/limits.ts';
import { OutputBuffer } from '../../src/wire/http2/output-buffer.ts';
import { gunzipMessage } from '../../src/wire/native/gunzip.ts';
import type {
  RpcMethods,
  StreamCall,
  StreamHandler,
  UnaryCall,
  UnaryHandler,
} from '../../src/wire/rpc-server.ts';
import { describeFrames, PREFACE, settings } from './http2-frames.ts';

export interface PeerOptions {
  readonly limits?: Partial<Http2Limits>;
  readonly receiveBytesMax?: number;
  readonly sendBytesMax?: number;
  readonly assemblyBytesMax?: number;
  readonly assemblyTotalBytesMax?: number;
  readonly denial?: string;
  readonly gunzip?: Gunzip;
}

const memory = { acquire: (bytes: number) => new Uint8Array(bytes), release: () => {} };

/**
 * Methods: Echo answers at once with the request, Hold keeps its calls in `held`, Throw throws,
 * Watch keeps its streams in `watched`, WatchThrow throws.
 */
export class Http2Peer {
  readonly counters = createHttp2Counters();
  readonly held: UnaryCall[] = [];
  readonly watched: StreamCall[] = [];
  readonly logged: string[] = [];
  readonly service: GrpcService;
  readonly output: OutputBuffer;
  readonly connection: Http2Connection;
  nowMs = 1000;

  constructor(options: PeerOptions = {}) {
    const limits = { ...HTTP2_LIMITS, ...options.limits };
    this.service = new GrpcService({
      methods: this.#methods(),
      receiveBytesMax: options.receiveBytesMax ?? 1 << 20,
      sendBytesMax: options.sendBytesMax ?? 1 << 20,
      assemblyBytesMax: options.assemblyBytesMax ?? 1 << 20,
      assemblyTotalBytesMax: options.assemblyTotalBytesMax ?? 1 << 20,
      gunzip: options.gunzip ?? gunzipMessage,
      log: (text) => this.logged.push(text),
    });
    this.output = new OutputBuffer(memory, limits.outputBytesMax, () => {});
    this.connection = new Http2Connection({
      limits,
      counters: this.counters,
      output: this.output,
      listener: this.service.connect(options.denial ?? '', () => this.connection.calm('evicted')),
      nowMs: this.nowMs,
    });
  }

  /** A peer whose handshake is done and read. */
  static greeted(options: PeerOptions = {}): Http2Peer {
    const peer = new Http2Peer(options);
    peer.send(PREFACE, settings());
    peer.said();
    return peer;
  }

  send(...frames: readonly Uint8Array[]): void {
    this.connection.receive(Buffer.concat(frames), this.nowMs);
  }

  /** Sends byte by byte, as a peer on a very bad network would. */
  drip(...frames: readonly Uint8Array[]): void {
    for (const byte of Buffer.concat(frames)) {
      this.connection.receive(Uint8Array.of(byte), this.nowMs);
    }
  }

  tick(afterMs: number): void {
    this.nowMs += afterMs;
    this.connection.tick(this.nowMs);
  }

  /** What the server said since the last time. */
  said(): string[] {
    const { length } = this.output;
    return describeFrames(this.output.take().subarray(0, length));
  }

  #methods(): RpcMethods {
    const unary = new Map<string, UnaryHandler>([
      ['/test.Service/Echo', (request, call) => call.reply(request)],
      ['/test.Service/Hold', (_request, call) => this.held.push(call)],
      [
        '/test.Service/Throw',
        () => {
          throw new Error('broken handler');
        },
      ],
    ]);
    const serverStreaming = new Map<string, StreamHandler>([
      ['/test.Service/Watch', (_request, call) => this.watched.push(call)],
      [
        '/test.Service/WatchThrow',
        () => {
          throw new Error('broken handler');
        },
      ],
    ]);
    return { unary, serverStreaming };
  }
}
