/**
 * Long pages, sent as they are made, in chunks, at the reader's pace. Between chunks the event loop
 * gets its turn, so that a page of 100 000 rules does not hold up the requests meanwhile.
 */
import type { ServerResponse } from 'node:http';

export const TEXT_TYPE = 'text/plain; charset=utf-8';

/** Lines are joined up to this many characters: one write each. */
export const CHUNK_LENGTH = 64 * 1024;

/** Sends lines, which come without their ends. As `sendChunks` otherwise. */
export function sendLines(response: ServerResponse, lines: Iterable<string>): Promise<void> {
  return sendChunks(response, TEXT_TYPE, joined(lines));
}

/**
 * Sends a page of chunks. A source that fails before its first chunk leaves the response unsent.
 * Resolves early, and lets go of the source, when the reader goes away.
 */
export async function sendChunks(
  response: ServerResponse,
  contentType: string,
  chunks: AsyncIterable<string>,
): Promise<void> {
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { 'content-type': contentType });
    if (!response.write(chunk)) await drained(response);
    await nextTurn();
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': contentType });
  response.end();
}

async function* joined(lines: Iterable<string>): AsyncGenerator<string> {
  let chunk = '';
  for (const line of lines) {
    chunk += line;
    chunk += '\n';
    if (chunk.length < CHUNK_LENGTH) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve();
    };
    response.on('drain', settle);
    response.on('close', settle);
  });
}
