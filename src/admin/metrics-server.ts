/** The metrics port (PROMETHEUS_ADDR, :9090): one page, made anew for each scrape. */
import {
  type AdminLog,
  type HttpAddress,
  HttpListener,
  type RouteHandler,
  sendText,
} from './http-listener.ts';
import { sendChunks } from './text-stream.ts';

export interface MetricsPage {
  readonly contentType: string;
  /** The page, in parts. A failure before the first is a 500, and in any case a log line. */
  readonly chunks: () => AsyncIterable<string>;
}

export interface MetricsServerParts {
  readonly address: HttpAddress;
  /** PROMETHEUS_PATH. */
  readonly path: string;
  readonly page: MetricsPage;
  readonly log: AdminLog;
}

export function metricsServer(parts: MetricsServerParts): HttpListener {
  const routes = new Map([[parts.path, metricsRoute(parts.page)]]);
  return new HttpListener({ address: parts.address, routes, log: parts.log });
}

/** The page as a route, which the debug port has too. */
export function metricsRoute(page: MetricsPage): RouteHandler {
  return async (request, response) => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      await sendChunks(response, page.contentType, page.chunks());
      return;
    }
    response.setHeader('allow', 'GET, HEAD');
    sendText(response, 405, 'Method Not Allowed\n');
  };
}
