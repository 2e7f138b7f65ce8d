/**
 * RpcServer on our own HTTP/2: sockets and their life; what the bytes mean is http2's business, what
 * the requests mean grpc's.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { bindFailure, clearStaleSocket } from '../grpc-js/listen-address.ts';
import { carriesName, type ServerTls } from '../grpc-js/server-credentials.ts';
import { type GrpcCounters, GrpcService } from '../grpc/grpc-service.ts';
import { createHttp2Counters, type Http2Counters } from '../http2/counters.ts';
import { HTTP2_LIMITS } from '../http2/limits.ts';
import type { RpcServer } from '../rpc-server.ts';
import { BufferPool } from './buffer-pool.ts';
import { Flusher } from './flusher.ts';
import { gunzipMessage } from './gunzip.ts';
import { type ConnectionPlace, NativeConnection } from './native-connection.ts';
import type { NativeServerOptions, NativeTuning } from './native-options.ts';
import { NATIVE_TUNING } from './native-tuning.ts';
import { tlsOptions } from './tls-options.ts';
import { Turns } from './turns.ts';

/** Beyond this a Node timer fires at once. */
const TIMER_MS_MAX = 2_147_483_647;
/** Age differs by chance, so that connections made together do not all leave together. */
const AGE_JITTER = 0.1;

/** What a metrics page shows of this listener. */
export interface NativeCounters {
  readonly http2: Readonly<Http2Counters>;
  readonly grpc: Readonly<GrpcCounters>;
  /** Connections closed at once: connectionsMax. */
  connectionsRefused: number;
  /** TLS handshakes that failed, and peers that did not ask for HTTP/2 in theirs. */
  handshakesFailed: number;
}

export class NativeServer implements RpcServer {
  readonly counters: NativeCounters;
  readonly #options: NativeServerOptions;
  readonly #tuning: NativeTuning;
  readonly #service: GrpcService;
  readonly #place: ConnectionPlace;
  readonly #server: Server;
  /** Bounded by connectionsMax. */
  readonly #connections = new Set<NativeConnection>();
  #clientSan: string;
  #ticker: NodeJS.Timeout | null = null;
  #drained: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;

  /** Throws with a message for the operator when the TLS texts do not fit together. */
  constructor(options: NativeServerOptions) {
    const tuning = { ...NATIVE_TUNING, ...options.tuning };
    this.#options = options;
    this.#tuning = tuning;
    this.#clientSan = options.tls?.clientSan ?? '';
    this.#service = new GrpcService({
      ...options,
      assemblyBytesMax: tuning.assemblyBytesMax,
      gunzip: gunzipMessage,
    });
    this.counters = {
      http2: createHttp2Counters(),
      grpc: this.#service.counters,
      connectionsRefused: 0,
      handshakesFailed: 0,
    };
    this.#place = {
      service: this.#service,
      limits: { ...HTTP2_LIMITS, ...tuning, ...sharedLimits(options) },
      counters: this.counters.http2,
      memory: new BufferPool(),
      flusher: new Flusher(),
      turns: new Turns(),
      turnBytesMax: tuning.turnBytesMax,
      backlogBytesMax: tuning.backlogBytesMax,
    };
    this.#server = this.#createServer(options.tls);
  }

  /** Connections now open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Calls now at work. */
  get callCount(): number {
    let calls = 0;
    for (const connection of this.#connections) calls += connection.callCount;
    return calls;
  }

  async listen(): Promise<number> {
    const { listen } = this.#options;
    const isUnix = 'socketPath' in listen;
    if (isUnix) await clearStaleSocket(listen.socketPath);
    return new Promise((resolve, reject) => {
      const server = this.#server;
      const fail = (error: Error): void => reject(new Error(bindFailure(listen, error.message)));
      server.once('error', fail);
      const done = (): void => {
        server.removeListener('error', fail);
        // An accept that failed (no file descriptors) costs that caller its connection, no more.
        server.on('error', (error) => this.#options.log('gRPC: the listener failed', error));
        this.#ticker = setInterval(() => this.#tick(), this.#tuning.tickMs).unref();
        const address = server.address();
        resolve(address === null || typeof address === 'string' ? 0 : address.port);
      };
      if (isUnix) server.listen(listen.socketPath, done);
      else server.listen(listen.port, listen.host, done);
    });
  }

  /**
   * New connections use these from now on; open ones go on as they are. Throws with a message for the
   * operator, and keeps what it has, when the texts do not fit together or the server has no TLS.
   */
  reloadTls(tls: ServerTls): void {
    if (!('setSecureContext' in this.#server)) {
      throw new Error('gRPC: the listener was started without GRPC_SERVER_USE_TLS');
    }
    const options = tlsOptions(tls);
    createSecureContext(options);
    (this.#server as ReturnType<typeof createTlsServer>).setSecureContext(options);
    this.#clientSan = tls.clientSan;
  }

  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    this.#service.endStreams();
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.leave(nowMs);
    const cut = setTimeout(
      () => {
        for (const connection of this.#connections) connection.cut();
      },
      Math.min(graceMs, TIMER_MS_MAX),
    );
    await this.#empty();
    await closed;
    clearTimeout(cut);
    if (this.#ticker !== null) clearInterval(this.#ticker);
  }

  /** Resolves when no connection is left. */
  #empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #createServer(tls: ServerTls | null): Server {
    if (tls === null) {
      return createServer({ noDelay: true }, (socket) => this.#accept(socket, ''));
    }
    const server = createTlsServer({
      ...tlsOptions(tls),
      ALPNProtocols: ['h2'],
      handshakeTimeout: this.#tuning.requestMsMax,
      noDelay: true,
    });
    server.on('secureConnection', (socket) => this.#acceptSecure(socket));
    server.on('tlsClientError', (_error, socket) => {
      this.counters.handshakesFailed++;
      socket.destroy();
    });
    return server;
  }

  #acceptSecure(socket: TLSSocket): void {
    if (socket.alpnProtocol !== 'h2') {
      this.counters.handshakesFailed++;
      socket.destroy();
      return;
    }
    const name = this.#clientSan;
    const certificate = { sslPeerCertificate: socket.getPeerCertificate() };
    this.#accept(socket, name === '' || carriesName(certificate, name) ? '' : SAN_DENIAL);
  }

  #accept(socket: Socket, denial: string): void {
    if (this.#connections.size >= this.#tuning.connectionsMax || this.#drained !== null) {
      this.counters.connectionsRefused++;
      socket.destroy();
      return;
    }
    const { connectionAgeMsMax, connectionAgeGraceMs } = this.#options;
    const spread = 1 + AGE_JITTER * (2 * Math.random() - 1);
    const times = {
      ageMsMax: connectionAgeMsMax * spread,
      ageGraceMs: connectionAgeGraceMs,
      lingerMs: this.#tuning.lingerMs,
    };
    const connection = new NativeConnection(socket, this.#place, times, denial);
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onEmpty?.();
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#service.tick(nowMs);
    for (const connection of this.#connections) connection.tick(nowMs);
  }
}

const SAN_DENIAL =
  'the client certificate does not carry the name that GRPC_CLIENT_TLS_SAN asks for';

function sharedLimits(options: NativeServerOptions): Pick<
  NativeServerOptions,
  'concurrentStreamsMax' | 'keepaliveMs' | 'keepaliveTimeoutMs'
> {
  const { concurrentStreamsMax, keepaliveMs, keepaliveTimeoutMs } = options;
  return { concurrentStreamsMax, keepaliveMs, keepaliveTimeoutMs };
}
