import type { ServerWritableStream } from '@grpc/grpc-js';
import { GrpcStatus, type StreamCall } from '../rpc-server.ts';
import { statusText } from './status-text.ts';

/**
 * Messages that may wait for one slow reader. Streams here report states that change rarely, so a
 * reader this far behind has stopped reading.
 */
export const STREAM_BACKLOG_MAX = 64;

/** A server-streaming call of grpc-js as the port sees it. */
export class GrpcJsStreamCall implements StreamCall {
  readonly #stream: ServerWritableStream<Uint8Array, Uint8Array>;
  readonly #closeListeners: (() => void)[] = [];
  #hasEnded = false;
  #hasClosed = false;

  constructor(stream: ServerWritableStream<Uint8Array, Uint8Array>) {
    this.#stream = stream;
    const close = (): void => this.#close();
    stream.once('cancelled', close);
    stream.once('close', close);
  }

  send(message: Uint8Array): void {
    if (this.#hasEnded || this.#hasClosed) return;
    if (this.#stream.writableLength >= STREAM_BACKLOG_MAX) {
      this.end(GrpcStatus.RESOURCE_EXHAUSTED, `stream: ${STREAM_BACKLOG_MAX} messages not read`);
      return;
    }
    this.#stream.write(message);
  }

  end(status: GrpcStatus, message: string): void {
    if (this.#hasEnded || this.#hasClosed) return;
    this.#hasEnded = true;
    if (status === GrpcStatus.OK) this.#stream.end();
    // grpc-js takes a status other than OK as an 'error' event that carries it.
    else this.#stream.emit('error', { code: status, details: statusText(message) });
  }

  onClose(listener: () => void): void {
    if (this.#hasClosed) listener();
    else this.#closeListeners.push(listener);
  }

  #close(): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    for (const listener of this.#closeListeners) listener();
  }
}
