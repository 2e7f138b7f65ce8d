/**
 * What the three HTTP servers share: one node:http server with a bound on everything a client can
 * make it wait for or keep, and a close that lets answers in flight finish within a deadline.
 *
 * A route is an exact path; its handler may fail, which costs that request a 500 and a log line.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listenFailure } from './listen-failure.ts';
import { TEXT_TYPE } from './text-stream.ts';

export interface HttpAddress {
  /** Shown in messages, e.g. `HTTP`. */
  readonly name: string;
  /** A name or an address; '' is every address of the machine. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The variable that changes the port, e.g. `PORT`. */
  readonly setting: string;
}

export type RouteHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Path, without query, to its handler. */
export type Routes = ReadonlyMap<string, RouteHandler>;

export type AdminLog = (message: string, error: unknown) => void;

/** Bounds on what a client can make the server keep or wait for. */
export interface HttpLimits {
  /** More connections than this are refused. */
  readonly connectionsMax: number;
  readonly headerBytesMax: number;
  readonly headersTimeoutMs: number;
  /** A whole request, body included: who sends slower is cut off with 408. */
  readonly requestTimeoutMs: number;
  /** How often it is looked for requests that are too slow. */
  readonly timeoutCheckMs: number;
  readonly keepAliveMs: number;
  /** A connection on which nothing moves in either direction, also while an answer is made. */
  readonly silenceTimeoutMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  // Probes, scrapers, and the odd script.
  connectionsMax: 512,
  headerBytesMax: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  timeoutCheckMs: 1000,
  // Longer than common scrape and probe intervals, so that their connections are used again.
  keepAliveMs: 65_000,
  // Longer than the longest profile, during which nothing is sent.
  silenceTimeoutMs: 120_000,
};

export interface HttpListenerParts {
  readonly address: HttpAddress;
  readonly routes: Routes;
  readonly log: AdminLog;
  /** DEFAULT_HTTP_LIMITS when absent. */
  readonly limits?: HttpLimits;
}

export class HttpListener {
  readonly #address: HttpAddress;
  readonly #routes: Routes;
  readonly #log: AdminLog;
  readonly #server: Server;
  #closed: Promise<void> | null = null;

  constructor(parts: HttpListenerParts) {
    this.#address = parts.address;
    this.#routes = parts.routes;
    this.#log = parts.log;
    const limits = parts.limits ?? DEFAULT_HTTP_LIMITS;
    this.#server = createServer(
      {
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
        requestTimeout: limits.requestTimeoutMs,
        connectionsCheckingInterval: limits.timeoutCheckMs,
        keepAliveTimeout: limits.keepAliveMs,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = limits.connectionsMax;
    this.#server.setTimeout(limits.silenceTimeoutMs);
  }

  /** Resolves with the port bound; rejects with a message for the operator. */
  listen(): Promise<number> {
    const { host, port } = this.#address;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        reject(new Error(listenFailure(this.#address, error)));
      };
      this.#server.once('error', onError);
      this.#server.listen({ port, ...(host !== '' && { host }) }, () => {
        this.#server.off('error', onError);
        // An error of accept() must not end the process: the listener goes on.
        this.#server.on('error', (error) => this.#log(`${this.#address.name}: listener`, error));
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /**
   * Stops accepting, lets answers in flight finish for at most `graceMs`, then cuts what is left.
   */
  close(graceMs: number): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Kept alive, the connection would hold up a close that has begun meanwhile.
    response.once('finish', () => {
      if (this.#closed !== null) request.socket.destroySoon();
    });
    const path = pathOf(request);
    const handler = this.#routes.get(path);
    try {
      if (handler === undefined) sendText(response, 404, '404 page not found\n');
      else await handler(request, response);
    } catch (error) {
      this.#log(`${this.#address.name}: ${path} failed`, error);
      if (response.headersSent) response.destroy();
      else sendText(response, 500, 'Internal Server Error\n');
    }
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** The parameters after `?`. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return new URLSearchParams(query < 0 ? '' : url.slice(query + 1));
}

/** A whole text as the answer. The charset is spelled as Go's servers spell it. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': TEXT_TYPE,
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
