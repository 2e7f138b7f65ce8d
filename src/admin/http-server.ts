/**
 * The HTTP port (PORT, 8080): `/json` asks as ShouldRateLimit does, `/healthcheck` is for probes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type AdminLog,
  type HttpAddress,
  type HttpLimits,
  HttpListener,
  type RouteHandler,
  sendText,
} from './http-listener.ts';
import { readBody } from './request-body.ts';

/** An answer as `/json` gives it; `reason` says why it is no decision, '' when it is one. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly reason: string;
}

export interface HttpServerParts {
  readonly address: HttpAddress;
  /** Answers a body of `/json`; does not reject. */
  readonly answerJson: (body: string) => Promise<HttpAnswer>;
  /** REQUEST_MESSAGE_BYTES_MAX. */
  readonly bodyBytesMax: number;
  readonly isServing: () => boolean;
  /** Body of /healthcheck when it does not serve; '' when absent. */
  readonly ailment?: () => string;
  readonly log: AdminLog;
  readonly limits?: HttpLimits;
}

/** Header that carries `reason`: the bodies are the reference's and cannot. */
export const REASON_HEADER = 'x-weir-reason';
const REASON_LENGTH_MAX = 300;

export function httpServer(parts: HttpServerParts): HttpListener {
  const routes = new Map<string, RouteHandler>([
    ['/json', (request, response) => answerJson(request, response, parts)],
    ['/healthcheck', (_request, response) => answerHealth(response, parts)],
  ]);
  return new HttpListener({ ...parts, routes });
}

async function answerJson(
  request: IncomingMessage,
  response: ServerResponse,
  parts: HttpServerParts,
): Promise<void> {
  const max = parts.bodyBytesMax;
  const body = await readBody(request, max).catch(() => undefined);
  // The client has gone: there is nobody to answer.
  if (body === undefined) return;
  if (body === null) {
    response.setHeader('connection', 'close');
    response.once('finish', () => request.destroy());
    sendText(response, 413, `body: more than ${max} bytes (REQUEST_MESSAGE_BYTES_MAX)\n`);
    return;
  }
  const answer = await parts.answerJson(body);
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    ...(answer.reason !== '' && {
      'x-content-type-options': 'nosniff',
      [REASON_HEADER]: headerText(answer.reason),
    }),
  });
  response.end(answer.body);
}

function answerHealth(
  response: ServerResponse,
  { isServing, ailment }: HttpServerParts,
): Promise<void> {
  if (isServing()) sendText(response, 200, 'OK');
  else sendText(response, 500, ailment?.() ?? '');
  return Promise.resolve();
}

/** Printable ASCII only: a header can carry no more. */
function headerText(text: string): string {
  return text.slice(0, REASON_LENGTH_MAX).replace(/[^\x20-\x7e]/g, '?');
}
