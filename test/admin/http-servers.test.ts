import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  DEFAULT_HTTP_LIMITS,
  type HttpAddress,
  HttpListener,
  type RouteHandler,
  sendText,
} from '../../src/admin/http-listener.ts';
import {
  type HttpAnswer,
  type HttpServerParts,
  httpServer,
  REASON_HEADER,
} from '../../src/admin/http-server.ts';
import { listenFailure } from '../../src/admin/listen-failure.ts';
import { metricsServer } from '../../src/admin/metrics-server.ts';

const ADDRESS: HttpAddress = { name: 'HTTP', host: '127.0.0.1', port: 0, setting: 'PORT' };

const logged: string[] = [];
const listeners: HttpListener[] = [];
const log = (message: string, error: unknown): void => {
  logged.push(`${message}: ${error instanceof Error ? error.message : String(error)}`);
};

afterEach(async () => {
  logged.length = 0;
  await Promise.all(listeners.splice(0).map((listener) => listener.close(0)));
});

async function listening(listener: HttpListener): Promise<number> {
  listeners.push(listener);
  return await listener.listen();
}

const ANSWER: HttpAnswer = { status: 200, contentType: 'application/json', body: '{}', reason: '' };

async function serve(parts: Partial<HttpServerParts> = {}): Promise<string> {
  const port = await listening(
    httpServer({
      address: ADDRESS,
      answerJson: async () => ANSWER,
      bodyBytesMax: 100,
      isServing: () => true,
      log,
      ...parts,
    }),
  );
  return `http://127.0.0.1:${port}`;
}

async function read(url: string, init?: RequestInit): Promise<[number, string | null, string]> {
  const response = await fetch(url, init);
  return [response.status, response.headers.get('content-type'), await response.text()];
}

describe('/healthcheck', () => {
  it('is 200 OK while serving, as recorded, and 500 without a body otherwise', async () => {
    let isServing = true;
    const base = await serve({ isServing: () => isServing });
    expect(await read(`${base}/healthcheck`)).toEqual([200, 'text/plain; charset=utf-8', 'OK']);
    isServing = false;
    expect(await read(`${base}/healthcheck?x=1`)).toEqual([500, 'text/plain; charset=utf-8', '']);
  });
});

describe('/json', () => {
  it.each(['POST', 'PUT', 'GET'])(
    'hands the body of a %s over and sends the answer',
    async (method) => {
      const bodies: string[] = [];
      const base = await serve({
        answerJson: async (body) => {
          bodies.push(body);
          return { ...ANSWER, status: 429, body: '{"overallCode":"OVER_LIMIT"}' };
        },
      });
      const body = method === 'GET' ? '' : '{"domain":"ä"}';
      const answer = await read(`${base}/json`, { method, ...(body !== '' && { body }) });
      expect(answer).toEqual([429, 'application/json', '{"overallCode":"OVER_LIMIT"}']);
      expect(bodies).toEqual([body]);
    },
  );

  it('says in a header why there is no decision', async () => {
    const reason = `grün\r\nx: ${'y'.repeat(400)}`;
    const base = await serve({
      answerJson: async () => ({ ...ANSWER, status: 400, body: 'Bad Request\n', reason }),
    });
    const response = await fetch(`${base}/json`, { method: 'POST', body: '{' });
    expect(await response.text()).toBe('Bad Request\n');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get(REASON_HEADER)).toBe(`gr?n??x: ${'y'.repeat(291)}`);
  });

  it('admits a body of its bound and refuses one byte more by name', async () => {
    const base = await serve();
    const post = (length: number): Promise<[number, string | null, string]> =>
      read(`${base}/json`, { method: 'POST', body: 'x'.repeat(length) });
    expect((await post(100))[0]).toBe(200);
    expect(await post(101)).toEqual([
      413,
      'text/plain; charset=utf-8',
      'body: more than 100 bytes (REQUEST_MESSAGE_BYTES_MAX)\n',
    ]);
  });

  it('answers 500 and logs when the answer fails, and goes on', async () => {
    let isBroken = true;
    const base = await serve({
      answerJson: () => (isBroken ? Promise.reject(new Error('defect')) : Promise.resolve(ANSWER)),
    });
    expect(await read(`${base}/json`)).toEqual([
      500,
      'text/plain; charset=utf-8',
      'Internal Server Error\n',
    ]);
    expect(logged).toEqual(['HTTP: /json failed: defect']);
    isBroken = false;
    expect((await read(`${base}/json`))[0]).toBe(200);
  });

  it('forgets a client that goes away amid its body', async () => {
    const asked: string[] = [];
    const base = await serve({
      answerJson: async (body) => {
        asked.push(body);
        return ANSWER;
      },
    });
    const socket = await open(base);
    socket.write('POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\nhalf');
    socket.resetAndDestroy();
    expect((await read(`${base}/json`, { method: 'POST', body: 'whole' }))[0]).toBe(200);
    expect(asked).toEqual(['whole']);
    expect(logged).toEqual([]);
  });

  it('forgets a client that goes away before its answer', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<HttpAnswer>();
    const base = await serve({
      answerJson: () => {
        asked.resolve();
        return answer.promise;
      },
    });
    const socket = await open(base);
    socket.write('POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
    await asked.promise;
    socket.resetAndDestroy();
    await read(`${base}/healthcheck`);
    answer.resolve(ANSWER);
    expect((await read(`${base}/json`, { method: 'POST', body: '{}' }))[0]).toBe(200);
    expect(logged).toEqual([]);
  });

  it('cuts a client off that sends too slowly', async () => {
    const limits = { ...DEFAULT_HTTP_LIMITS, requestTimeoutMs: 100, timeoutCheckMs: 20 };
    const base = await serve({ limits });
    const socket = await open(base);
    socket.write('POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\nhalf');
    expect(await allOf(socket)).toContain('408 Request Timeout');
  });
});

describe('an HTTP server', () => {
  it('answers 404 to other paths', async () => {
    const base = await serve();
    for (const path of ['/', '/JSON', '/json/', '/healthcheck/x']) {
      expect(await read(base + path)).toEqual([
        404,
        'text/plain; charset=utf-8',
        '404 page not found\n',
      ]);
    }
  });

  it('refuses headers beyond their bound, and junk', async () => {
    const base = await serve();
    const status = (await fetch(base, { headers: { x: 'y'.repeat(20_000) } })).status;
    expect(status).toBe(431);
    const socket = await open(base);
    socket.write('\0\x16\x03junk\r\n\r\n');
    expect(await allOf(socket)).toContain('400 Bad Request');
    expect((await read(`${base}/healthcheck`))[0]).toBe(200);
  });

  it('refuses connections beyond their bound', async () => {
    const limits = { ...DEFAULT_HTTP_LIMITS, connectionsMax: 1 };
    const base = await serve({ limits });
    const first = await open(base);
    first.write('GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => first.once('data', resolve));
    const second = await open(base);
    await new Promise((resolve) => second.once('close', resolve));
    first.destroy();
  });

  it('on a port in use rejects with the address and the variable to change', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const listener = new HttpListener({ address: { ...ADDRESS, port }, routes: new Map(), log });
    await expect(listener.listen()).rejects.toThrow(
      `HTTP: 127.0.0.1:${port} is already in use: stop the other listener or change PORT`,
    );
    await new Promise((resolve) => taken.close(resolve));
  });

  it('listens on every address when none is named', async () => {
    const port = await listening(
      new HttpListener({ address: { ...ADDRESS, host: '' }, routes: new Map(), log }),
    );
    expect((await read(`http://127.0.0.1:${port}/`))[0]).toBe(404);
  });

  it.each([
    ['EACCES', 'may not be opened by this user: change PORT (EACCES)'],
    ['EADDRNOTAVAIL', 'is not an address of this machine: change the host that goes with PORT'],
    ['ENOTFOUND', 'has a host name that does not resolve: change the host that goes with PORT'],
    ['EOTHER', 'what the system said'],
    [undefined, 'what the system said'],
  ])('explains %s', (code, text) => {
    const error = Object.assign(
      new Error('what the system said'),
      code === undefined ? {} : { code },
    );
    const address = { ...ADDRESS, host: '::1', port: 80 };
    expect(listenFailure(address, error)).toContain('HTTP: [::1]:80');
    expect(listenFailure(address, error)).toContain(text);
  });
});

describe('closing', () => {
  const holding = (): { handler: RouteHandler; asked: Promise<() => void> } => {
    const { promise, resolve } = Promise.withResolvers<() => void>();
    const handler: RouteHandler = async (_request, response) => {
      await new Promise<void>((release) => resolve(release));
      sendText(response, 200, 'late');
    };
    return { handler, asked: promise };
  };

  it('lets an answer in flight finish and refuses new connections', async () => {
    const { handler, asked } = holding();
    const routes = new Map([['/', handler]]);
    const listener = new HttpListener({ address: ADDRESS, routes, log });
    const base = `http://127.0.0.1:${await listening(listener)}`;
    const answer = read(base);
    const release = await asked;
    const closed = listener.close(600_000);
    await expect(fetch(base)).rejects.toThrow('fetch failed');
    release();
    expect((await answer)[2]).toBe('late');
    await closed;
    expect(listener.close(1)).toBe(listener.close(2));
  });

  it('cuts what has not finished within the grace', async () => {
    const { handler, asked } = holding();
    const routes = new Map([['/', handler]]);
    const listener = new HttpListener({ address: ADDRESS, routes, log });
    const answer = read(`http://127.0.0.1:${await listening(listener)}`).catch(() => 'cut');
    await asked;
    await listener.close(10);
    expect(await answer).toBe('cut');
  });

  it('does not wait for idle connections', async () => {
    const listener = new HttpListener({ address: ADDRESS, routes: new Map(), log });
    const port = await listening(listener);
    await read(`http://127.0.0.1:${port}/`);
    await listener.close(600_000);
  });
});

describe('the metrics port', () => {
  async function* page(): AsyncGenerator<string> {
    yield '# HELP a b\n';
    yield 'a 1\n';
  }
  const contentType = 'text/plain; version=0.0.4; charset=utf-8';
  const start = async (chunks: () => AsyncIterable<string>): Promise<string> => {
    const parts = { address: ADDRESS, path: '/m', page: { contentType, chunks }, log };
    return `http://127.0.0.1:${await listening(metricsServer(parts))}`;
  };

  it('serves the page on its path only, by GET and HEAD', async () => {
    const base = await start(page);
    expect(await read(`${base}/m`)).toEqual([200, contentType, '# HELP a b\na 1\n']);
    expect(await read(`${base}/m`, { method: 'HEAD' })).toEqual([200, contentType, '']);
    expect((await read(`${base}/metrics`))[0]).toBe(404);
    const refused = await fetch(`${base}/m`, { method: 'POST' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('serves an empty page as such', async () => {
    const base = await start(async function* () {});
    expect(await read(`${base}/m`)).toEqual([200, contentType, '']);
  });

  it('answers 500 and logs when the page cannot be made', async () => {
    const base = await start(async function* () {
      yield* await Promise.reject<string[]>(new Error('a metric twice'));
    });
    expect((await read(`${base}/m`))[0]).toBe(500);
    expect(logged).toEqual(['HTTP: /m failed: a metric twice']);
  });

  it('cuts the answer and logs when the page fails half-way', async () => {
    const base = await start(async function* () {
      yield 'a 1\n';
      throw new Error('half-way');
    });
    await expect(read(`${base}/m`)).rejects.toThrow();
    expect(logged).toEqual(['HTTP: /m failed: half-way']);
  });
});

function open(base: string): Promise<Socket> {
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

function allOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}
