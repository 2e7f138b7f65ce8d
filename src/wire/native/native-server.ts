/**
 * RpcServer on our own HTTP/2: sockets and their life; what the bytes mean is http2's business, what
 * the requests mean grpc's.
 */
import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type GrpcCounters, GrpcService } from '../grpc/grpc-service.ts';
import { PREFIX_BYTES } from '../grpc/message-reader.ts';
import { createHttp2Counters, type Http2Counters } from '../http2/counters.ts';
import type { Http2Limits } from '../http2/limits.ts';
import { bindFailure, clearStaleSocket } from '../listen-address.ts';
import type { RpcServer } from '../rpc-server.ts';
import { carriesName, SAN_DENIAL, type ServerTls } from '../server-tls.ts';
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
  #ticker: NodeJS.Timeout | undefined;
  #destroyer: NodeJS.Timeout | undefined;
  /** The sockets below them, also those amid a TLS handshake. */
  readonly #sockets = new Set<Socket>();
  #drained: Promise<void> | null = null;
  /** Of a drain without a port of its own: called when the last socket has closed. */
  #emptied: () => void = () => {};

  /** Throws with a message for the operator when the TLS texts do not fit together. */
  constructor(options: NativeServerOptions) {
    const tuning = { ...NATIVE_TUNING, ...options.tuning };
    this.#options = options;
    this.#tuning = tuning;
    this.#clientSan = options.tls?.clientSan ?? '';
    // At least one message of the largest size, in memory that was doubled as it came.
    const assemblyBytesMin = 2 * (options.receiveBytesMax + PREFIX_BYTES);
    this.#service = new GrpcService({
      ...options,
      assemblyBytesMax: Math.max(tuning.assemblyBytesMax, assemblyBytesMin),
      assemblyTotalBytesMax: Math.max(tuning.assemblyTotalBytesMax, assemblyBytesMin),
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
      limits: limitsOf(options, tuning),
      counters: this.counters.http2,
      memory: new BufferPool(),
      flusher: new Flusher(),
      turns: new Turns(),
      turnBytesMax: tuning.turnBytesMax,
      backlogBytesMax: tuning.backlogBytesMax,
    };
    this.#server = this.#createServer(options.tls);
    this.#server.maxConnections = tuning.connectionsMax;
    this.#server.on('drop', () => this.counters.connectionsRefused++);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        if (this.#sockets.size === 0) this.#emptied();
      });
    });
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

  /** Bytes of requests that have arrived only in part. */
  get assemblyBytes(): number {
    return this.#service.assembly.bytes;
  }

  async listen(): Promise<number> {
    const { listen, isHanded } = this.#options;
    if (isHanded === true) {
      this.#startTicking();
      return 0;
    }
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
        this.#startTicking();
        const address = server.address();
        resolve(address === null || typeof address === 'string' ? 0 : address.port);
      };
      if (isUnix) server.listen(listen.socketPath, done);
      else server.listen(listen.port, listen.host, done);
    });
  }

  /** A connection that another process accepted, of which nothing was read yet. */
  take(socket: Socket): void {
    if (this.#sockets.size >= this.#tuning.connectionsMax) {
      this.counters.connectionsRefused++;
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.#server.emit('connection', socket);
    // It was accepted paused, so that nothing was read in the wrong place.
    if (this.#options.tls === null) socket.resume();
  }

  /**
   * New connections use these from now on; open ones go on as they are. Whether callers need a
   * certificate stays as it was. Throws with a message for the operator, and keeps what it has, when
   * the texts do not fit together or the listener was not started for them.
   */
  reloadTls(tls: ServerTls): void {
    const before = this.#options.tls;
    if (before === null) {
      throw new Error('gRPC: the listener was started without GRPC_SERVER_USE_TLS');
    }
    if ((before.clientCa === null) !== (tls.clientCa === null)) {
      throw new Error(
        'gRPC: a reload cannot set or unset GRPC_CLIENT_TLS_CACERT: restart for that',
      );
    }
    (this.#server as TlsServer).setSecureContext(tlsOptions(tls));
    this.#clientSan = tls.clientSan;
  }

  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else if (this.#sockets.size === 0) resolve();
      else this.#emptied = resolve;
    });
    this.#service.endStreams();
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.leave(nowMs);
    const cut = setTimeout(() => this.#cut(), Math.min(graceMs, TIMER_MS_MAX));
    await closed;
    clearTimeout(cut);
    clearTimeout(this.#destroyer);
    clearInterval(this.#ticker);
  }

  /** The grace is over: peers hear that, and have a last moment to close. */
  #cut(): void {
    for (const connection of this.#connections) connection.cut();
    this.#destroyer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, this.#tuning.lingerMs);
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
    const { connectionAgeMsMax, connectionAgeGraceMs } = this.#options;
    const spread = 1 + AGE_JITTER * (2 * Math.random() - 1);
    const times = {
      ageMsMax: connectionAgeMsMax * spread,
      ageGraceMs: connectionAgeGraceMs,
      lingerMs: this.#tuning.lingerMs,
    };
    const connection = new NativeConnection(socket, this.#place, times, denial);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    // Its handshake was longer than the server's life.
    if (this.#drained !== null) connection.leave(performance.now());
  }

  #startTicking(): void {
    this.#ticker = setInterval(() => this.#tick(), this.#tuning.tickMs).unref();
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#service.tick(nowMs);
    for (const connection of this.#connections) connection.tick(nowMs);
  }
}

/** The bounds on answers leave room for one of the largest size. */
function limitsOf(options: NativeServerOptions, tuning: NativeTuning): Http2Limits {
  const { concurrentStreamsMax, keepaliveMs, keepaliveTimeoutMs, sendBytesMax } = options;
  return {
    ...tuning,
    concurrentStreamsMax,
    keepaliveMs,
    keepaliveTimeoutMs,
    heldBytesMax: Math.max(tuning.heldBytesMax, sendBytesMax + PREFIX_BYTES),
    outputBytesMax: Math.max(tuning.outputBytesMax, 2 * sendBytesMax),
  };
}
