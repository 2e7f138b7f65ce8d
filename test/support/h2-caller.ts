/**
 * A rate limit client of one connection, as each of Envoy's worker threads has one. Clients of the
 * library share connections; here it matters which connection a call is on.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf';
import { RateLimitResponseSchema } from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { requestBytes } from './request-bytes.ts';

const PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
const PREFIX_BYTES = 5;
/** RFC 9113, section 8.7: no part of the call was worked on. Or it was not even sent. */
const NOT_BEGUN = /NGHTTP2_REFUSED_STREAM|ERR_HTTP2_GOAWAY_SESSION|ERR_HTTP2_INVALID_SESSION/;

export class H2Caller {
  readonly #session: ClientHttp2Session;
  /** Resolves when the connection has closed. */
  readonly closed: Promise<void>;
  /** The server asked to go away, or the connection has closed: nothing new is to be asked. */
  isLeaving = false;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    session.on('error', () => {});
    session.on('goaway', () => {
      this.isLeaving = true;
    });
    this.closed = once(session, 'close').then(() => {
      this.isLeaving = true;
    });
  }

  /** Resolves when the connection is open and the server has spoken. `place`: a port, or a path. */
  static async open(place: number | string): Promise<H2Caller> {
    const session =
      typeof place === 'number'
        ? connect(`http://127.0.0.1:${place}`)
        : connect('http://localhost', { createConnection: () => connectSocket(place) });
    const caller = new H2Caller(session);
    await Promise.race([
      once(session, 'remoteSettings'),
      caller.closed.then(() => {
        throw new Error('the connection was closed');
      }),
    ]);
    return caller;
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** As `ask`; null when the call never began, which a client is to repeat elsewhere. */
  async tryAsk(request: JsonObject): Promise<JsonObject | null> {
    try {
      return await this.ask(request);
    } catch (error) {
      if (NOT_BEGUN.test(String(error))) return null;
      throw error;
    }
  }

  /** The response, in proto3 JSON; rejects when there is none. */
  async ask(request: JsonObject): Promise<JsonObject> {
    const message = requestBytes(request);
    const frame = Buffer.alloc(PREFIX_BYTES + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, PREFIX_BYTES);
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(frame);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (bytes.length < PREFIX_BYTES) throw new Error('the call was not answered');
    const response = fromBinary(RateLimitResponseSchema, bytes.subarray(PREFIX_BYTES));
    return toJson(RateLimitResponseSchema, response) as JsonObject;
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}
