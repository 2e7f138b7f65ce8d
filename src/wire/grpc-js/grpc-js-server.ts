/**
 * RpcServer on @grpc/grpc-js: the conservative listener. Messages stay bytes on both sides; what
 * they mean is the handlers' business.
 *
 * A handler that throws costs its own call an INTERNAL, never the process. Streams are open-ended,
 * so a drain ends them at once with UNAVAILABLE and spends its grace on unary calls only.
 */
import {
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  addressText,
  bindFailure,
  clearStaleSocket,
  type ListenAddress,
} from '../listen-address.ts';
import {
  GrpcStatus,
  REQUEST_ID_BYTES_MAX,
  REQUEST_ID_TOO_LONG,
  type RpcServer,
  type StreamHandler,
  type UnaryHandler,
} from '../rpc-server.ts';
import type { RpcServerOptions } from '../rpc-server-options.ts';
import { assertTlsFits, carriesName, SAN_DENIAL, type ServerTls } from '../server-tls.ts';
import { GrpcJsStreamCall } from './stream-call.ts';
import { GrpcJsUnaryCall, requestIdOf } from './unary-call.ts';

/** Beyond this a Node timer fires at once; the jitter of + 10 % must fit too. */
const TIMER_MS_MAX = 1_900_000_000;
/** Connections that were cut are gone at once; one that is amid its TLS handshake is not waited for. */
const CUT_MS_MAX = 500;

type BytesCall = ServerUnaryCall<Uint8Array, Uint8Array>;
type BytesStream = ServerWritableStream<Uint8Array, Uint8Array>;

export class GrpcJsServer implements RpcServer {
  readonly #options: RpcServerOptions;
  readonly #server: Server;
  /** Bounded by concurrentStreamsMax per connection, and by the handlers' own bounds. */
  readonly #streams = new Set<GrpcJsStreamCall>();
  /** What grpc-js knows the listener by; '' until it listens. */
  #bound = '';
  #drained: Promise<void> | null = null;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#server = new Server(grpcJsOptions(options));
    for (const [path, handler] of options.methods.unary) this.#addUnary(path, handler);
    for (const [path, handler] of options.methods.serverStreaming) this.#addStream(path, handler);
  }

  async listen(): Promise<number> {
    const { listen, tls } = this.#options;
    const credentials = credentialsOf(tls);
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
    const guarded = (call: BytesCall, callback: sendUnaryData<Uint8Array>): void => {
      const refusal = this.#refusalOf(call);
      if (refusal === null) serve(call, callback);
      else callback(refusal);
    };
    this.#server.register(path, guarded, toBuffer, sameBytes, 'unary');
  }

  #addStream(path: string, handler: StreamHandler): void {
    const serve = (stream: BytesStream): void => {
      const call = new GrpcJsStreamCall(stream);
      const refusal = this.#refusalOf(stream);
      if (refusal !== null) {
        stream.emit('error', refusal);
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

  /** Why a call never reaches its handler, or null. */
  #refusalOf(call: BytesCall | BytesStream): Refusal | null {
    const name = this.#options.tls?.clientSan ?? '';
    if (name !== '' && !carriesName(call.getAuthContext(), name)) {
      return { code: GrpcStatus.UNAUTHENTICATED, details: SAN_DENIAL };
    }
    if (requestIdOf(call.metadata).length <= REQUEST_ID_BYTES_MAX) return null;
    return { code: GrpcStatus.INVALID_ARGUMENT, details: REQUEST_ID_TOO_LONG };
  }
}

interface Refusal {
  readonly code: number;
  readonly details: string;
}

/** The address in grpc-js's own spelling. */
function bindTarget(address: ListenAddress): string {
  const text = addressText(address);
  return 'socketPath' in address ? `unix:${text}` : text;
}

function credentialsOf(tls: ServerTls | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  assertTlsFits(tls);
  const pairs = [{ cert_chain: tls.cert, private_key: tls.key }];
  return ServerCredentials.createSsl(tls.clientCa, pairs, tls.clientCa !== null);
}

function grpcJsOptions(options: RpcServerOptions): ServerOptions {
  const age = options.connectionAgeMsMax;
  const grace = options.connectionAgeGraceMs;
  const silence = options.keepaliveMs;
  return {
    'grpc.max_receive_message_length': options.receiveBytesMax,
    'grpc.max_send_message_length': options.sendBytesMax,
    'grpc.max_concurrent_streams': options.concurrentStreamsMax,
    'grpc.keepalive_timeout_ms': Math.min(options.keepaliveTimeoutMs, TIMER_MS_MAX),
    // Its per-call bookkeeping is for a debugging service that is not offered here.
    'grpc.enable_channelz': 0,
    ...(silence > 0 && { 'grpc.keepalive_time_ms': Math.min(silence, TIMER_MS_MAX) }),
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
