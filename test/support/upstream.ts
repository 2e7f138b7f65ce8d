/** A small application behind Envoy: answers 200 with its name and the headers it was told to add. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UpstreamOptions {
  readonly name?: string;
  /** Response headers; a function sees the request. */
  readonly headers?:
    | Record<string, string>
    | ((request: IncomingMessage) => Record<string, string>);
}

export class Upstream {
  readonly #server: Server;
  /** Requests that reached it. */
  served = 0;

  private constructor(options: UpstreamOptions) {
    const { name = 'application', headers = {} } = options;
    this.#server = createServer((request, response) => {
      this.served++;
      request.resume();
      const added = typeof headers === 'function' ? headers(request) : headers;
      response.writeHead(200, { 'content-type': 'text/plain', ...added }).end(name);
    });
  }

  static async start(options: UpstreamOptions = {}): Promise<Upstream> {
    const upstream = new Upstream(options);
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
