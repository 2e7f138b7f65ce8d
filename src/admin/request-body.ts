import type { IncomingMessage } from 'node:http';

/**
 * The body as UTF-8 text, or null when it is longer than `bytesMax`: what is left of it is then not
 * read. Rejects when the client goes away first. How long it may take is the listener's bound.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      request.removeAllListeners('data');
      request.pause();
      resolve(null);
    });
    request.once('end', () => resolve(Buffer.concat(chunks, length).toString('utf8')));
    request.once('error', reject);
  });
}
