/** A gRPC client of message bytes, and a server of them on a free port, for tests. */
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { GrpcJsServer } from '../../../src/wire/grpc-js/grpc-js-server.ts';
import type { RpcMethods } from '../../../src/wire/rpc-server.ts';
import type { RpcServerOptions } from '../../../src/wire/rpc-server-options.ts';
import { listenerOptions } from '../listener-options.ts';

export interface Outcome {
  readonly code: number;
  readonly text: string;
  readonly message: Uint8Array | null;
}

/** A test that waits for an answer gives up after this. */
const CALL_MS_MAX = 10_000;

const same = (bytes: Buffer): Buffer => bytes;

export class RawClient {
  readonly #client: Client;

  constructor(target: number | string, creds: ChannelCredentials = credentials.createInsecure()) {
    const address = typeof target === 'number' ? `127.0.0.1:${target}` : target;
    this.#client = new Client(address, creds, {
      // Each test's connection is its own, and is not mended behind its back.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    });
  }

  /** Resolves with whatever became of the call. `deadlineMs` null sends no deadline. */
  call(
    path: string,
    message: Uint8Array,
    deadlineMs: number | null = CALL_MS_MAX,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    const options = deadlineMs === null ? {} : { deadline: Date.now() + deadlineMs };
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
    const request = Buffer.from(message);
    return new Promise((resolve) => {
      const settle = (error: ServiceError | null, value?: Buffer): void => {
        if (error === null) resolve({ code: status.OK, text: '', message: value ?? null });
        else resolve({ code: error.code, text: error.details, message: null });
      };
      this.#client.makeUnaryRequest(path, same, same, request, metadata, options, settle);
    });
  }

  stream(path: string, message: Uint8Array): Feed {
    return new Feed(this.#client.makeServerStreamRequest(path, same, same, Buffer.from(message)));
  }

  close(): void {
    this.#client.close();
  }
}

/** A server stream whose messages can be awaited one by one. */
export class Feed {
  readonly #call: ClientReadableStream<Buffer>;
  readonly #messages: Buffer[] = [];
  readonly ended: Promise<{ readonly code: number; readonly text: string }>;
  #waiting: ((message: Buffer) => void) | null = null;

  constructor(call: ClientReadableStream<Buffer>) {
    this.#call = call;
    call.on('error', () => {});
    call.on('data', (message: Buffer) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (waiting === null) this.#messages.push(message);
      else waiting(message);
    });
    this.ended = new Promise((resolve) => {
      call.once('status', ({ code, details }) => resolve({ code, text: details }));
    });
  }

  next(): Promise<Buffer> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  cancel(): void {
    this.#call.cancel();
  }
}

export interface LoggedError {
  readonly message: string;
  readonly error: unknown;
}

export interface StartedServer {
  readonly server: GrpcJsServer;
  readonly port: number;
  readonly logged: LoggedError[];
}

/** Starts a server on a free port of loopback; `options` change single settings. */
export async function startServer(
  methods: Partial<RpcMethods>,
  options: Partial<RpcServerOptions> = {},
): Promise<StartedServer> {
  const logged: LoggedError[] = [];
  const log: RpcServerOptions['log'] = (message, error) => logged.push({ message, error });
  const server = new GrpcJsServer(listenerOptions(methods, { log, ...options }));
  return { server, port: await server.listen(), logged };
}
