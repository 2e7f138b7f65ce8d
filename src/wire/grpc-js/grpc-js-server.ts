/**
 * RpcServer on @grpc/grpc-js: the conservative listener. Messages stay bytes on both sides; what
 * they mean is the handlers' business.
 *
 * A handler that throws costs its own call an INTERNAL, never the process. Streams are open-ended,
 * so a drain ends them at once with UNAVAILABLE and spends its grace on unary calls only.
 */
import {
  Server,
  type ServerOptions,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  GrpcStatus,
  type RpcMethods,
  type RpcServer,
  type StreamHandler,
  type UnaryHandler,
} from '../rpc-server.ts';
import { bindFailure, bindTarget, clearStaleSocket, type ListenAddress } from './listen-address.ts';
import { carriesName, type ServerTls, serverCredentials } from './server-credentials.ts';
import { GrpcJsStreamCall } from './stream-call.ts';
import { GrpcJsUnaryCall } from './unary-call.ts';

export interface GrpcJsServerOptions {
  readonly listen: ListenAddress;
  readonly methods: RpcMethods;
  /**
   * Beyond it grpc-js itself answers RESOURCE_EXHAUSTED before a handler sees the message. Keep it
   * above the handlers' own bound on messages, whose answer names the setting.
   */
  readonly receiveBytesMax: number;
  /** Longer replies become RESOURCE_EXHAUSTED. */
  readonly sendBytesMax: number;
  /** Per connection; callers wait with more, or open another connection. */
  readonly concurrentStreamsMax: number;
  /** A connection is closed gracefully after this long, ± 10 % by chance; 0: never. */
  readonly connectionAgeMsMax: number;
  /** Then calls on it may finish for this long; 0: for ever. */
  readonly connectionAgeGraceMs: number;
  /** A silent connection is pinged after this long, and dropped without an answer. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly tls: ServerTls | null;
  /** Told of exceptions that handlers threw. */
  readonly log: (message: string, error: unknown) => void;
}

/** Beyond this a Node timer fires at once; the jitter of + 10 % must fit too. */
const TIMER_MS_MAX = 1_900_000_000;
/** Connections that were cut are gone at once; one that is amid its TLS handshake is not waited for. */
const CUT_MS_MAX = 500;

type BytesCall = ServerUnaryCall<Uint8Array, Uint8Array>;
type BytesStream = ServerWritableStream<Uint8Array, Uint8Array>;

export class GrpcJsServer implements RpcServer {
  readonly #options: GrpcJsServerOptions;
  readonly #server: Server;
  /** Bounded by concurrentStreamsMax per connection, and by the handlers' own bounds. */
  readonly #streams = new Set<GrpcJsStreamCall>();
  /** What grpc-js knows the listener by; '' until it listens. */
  #bound = '';
  #drained: Promise<void> | null = null;

  constructor(options: GrpcJsServerOptions) {
    this.#options = options;
    this.#server = new Server(grpcJsOptions(options));
    for (const [path, handler] of options.methods.unary) this.#addUnary(path, handler);
    for (const [path, handler] of options.methods.serverStreaming) this.#addStream(path, handler);
  }

  async listen(): Promise<number> {
    const { listen, tls } = this.#options;
    const credentials = serverCredentials(tls);
    if ('socketPath' in listen) await clearStaleSocket(listen.socketPath);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(bindTarget(listen), credentials, (error, port) => {
        if (error !== null) {
          reject(new Error(bindFailure(listen, error.message)));
          return;
        }
        const isUnix = 'socketPath' in listen;
        this.#bound = bindTarget(isUnix ? listen : { host: listen.host, port });
        resolve(isUnix ? 0 : port);
      });
    });
  }

  drain(graceMs: number): Promise<void> {
    this.#drained ??= new Promise((resolve) => {
      for (const stream of this.#streams) {
        stream.end(GrpcStatus.UNAVAILABLE, 'the server is shutting down');
      }
      const cutMs = Math.min(graceMs, TIMER_MS_MAX);
      // In this order: grpc-js's drain forgets connections that its shutdown has begun to close. Its
      // forceShutdown finds no connections at all unless channelz is on, so it cannot do the cutting.
      if (this.#bound !== '') this.#server.drain(this.#bound, cutMs);
      const giveUp = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, cutMs + CUT_MS_MAX);
      this.#server.tryShutdown(() => {
        clearTimeout(giveUp);
        resolve();
      });
    });
    return this.#drained;
  }

  #addUnary(path: string, handler: UnaryHandler): void {
    const serve = (call: BytesCall, callback: sendUnaryData<Uint8Array>): void => {
      const unary = new GrpcJsUnaryCall(call, callback);
      try {
        handler(call.request, unary);
      } catch (error) {
        unary.fail(GrpcStatus.INTERNAL, 'internal error');
        this.#options.log(`gRPC: the handler of ${path} threw`, error);
      }
    };
    const name = this.#requiredName();
    const guarded =
      name === ''
        ? serve
        : (call: BytesCall, callback: sendUnaryData<Uint8Array>): void => {
            if (carriesName(call.getAuthContext(), name)) serve(call, callback);
            else callback(unauthenticated());
          };
    this.#server.register(path, guarded, toBuffer, sameBytes, 'unary');
  }

  #addStream(path: string, handler: StreamHandler): void {
    const name = this.#requiredName();
    const serve = (stream: BytesStream): void => {
      const call = new GrpcJsStreamCall(stream);
      if (name !== '' && !carriesName(stream.getAuthContext(), name)) {
        stream.emit('error', unauthenticated());
        return;
      }
      this.#streams.add(call);
      call.onClose(() => this.#streams.delete(call));
      try {
        handler(stream.request, call);
      } catch (error) {
        call.end(GrpcStatus.INTERNAL, 'internal error');
        this.#options.log(`gRPC: the handler of ${path} threw`, error);
      }
    };
    this.#server.register(path, serve, toBuffer, sameBytes, 'serverStream');
  }

  #requiredName(): string {
    return this.#options.tls?.clientSan ?? '';
  }
}

function unauthenticated(): { code: number; details: string } {
  return {
    code: status.UNAUTHENTICATED,
    details: 'the client certificate does not carry the name that GRPC_CLIENT_TLS_SAN asks for',
  };
}

function grpcJsOptions(options: GrpcJsServerOptions): ServerOptions {
  const age = options.connectionAgeMsMax;
  const grace = options.connectionAgeGraceMs;
  return {
    'grpc.max_receive_message_length': options.receiveBytesMax,
    'grpc.max_send_message_length': options.sendBytesMax,
    'grpc.max_concurrent_streams': options.concurrentStreamsMax,
    'grpc.keepalive_time_ms': Math.min(options.keepaliveMs, TIMER_MS_MAX),
    'grpc.keepalive_timeout_ms': Math.min(options.keepaliveTimeoutMs, TIMER_MS_MAX),
    // Its per-call bookkeeping is for a debugging service that is not offered here.
    'grpc.enable_channelz': 0,
    ...(age > 0 && { 'grpc.max_connection_age_ms': Math.min(age, TIMER_MS_MAX) }),
    ...(grace > 0 && { 'grpc.max_connection_age_grace_ms': Math.min(grace, TIMER_MS_MAX) }),
  };
}

/** grpc-js copies the bytes into its own frame before it returns, by a method of Buffer. */
function toBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sameBytes(bytes: Buffer): Uint8Array {
  return bytes;
}
