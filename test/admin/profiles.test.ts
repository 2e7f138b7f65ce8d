/**
 * In a file, and so a process, of its own: recording a profile makes V8 forget what it has counted for
 * test coverage.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { debugServer } from '../../src/admin/debug-server.ts';
import type { HttpListener } from '../../src/admin/http-listener.ts';

let listener: HttpListener;
let base: string;
const logged: string[] = [];

beforeEach(async () => {
  logged.length = 0;
  listener = debugServer({
    address: { name: 'debug', host: '127.0.0.1', port: 0, setting: 'DEBUG_PORT' },
    ruleLines: () => [],
    statLines: () => [],
    metrics: { contentType: 'text/plain', chunks: async function* () {} },
    log: (message, error) => logged.push(`${message}: ${String(error)}`),
  });
  base = `http://127.0.0.1:${await listener.listen()}`;
});
afterEach(() => listener.close(0));

const text = async (path: string): Promise<string> => (await fetch(base + path)).text();

describe('a profile', () => {
  it.each([
    ['/debug/pprof/profile?seconds=1', 'cpuprofile', 'nodes'],
    ['/debug/pprof/heap?seconds=1', 'heapprofile', 'head'],
  ])('of %s is JSON for DevTools', async (path, ending, field) => {
    const response = await fetch(base + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-disposition')).toContain(ending);
    expect(await response.json()).toHaveProperty(field);
  });

  it.each(['0', '61', '-1', '1.5', 'x', '', '1e1'])('of %s seconds is refused', async (seconds) => {
    const response = await fetch(`${base}/debug/pprof/profile?seconds=${seconds}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toBe('seconds: a whole number from 1 to 60\n');
  });

  it('is recorded one at a time, and ends when who asked for it goes away', async () => {
    const gone = new AbortController();
    const first = fetch(`${base}/debug/pprof/profile`, { signal: gone.signal }).catch(() => 'gone');
    await untilStatus('/debug/pprof/heap?seconds=1', 409);
    expect(await text('/debug/pprof/heap?seconds=1')).toContain('another profile');
    gone.abort();
    expect(await first).toBe('gone');
    await untilStatus('/debug/pprof/heap?seconds=1', 200);
    expect(logged).toEqual([]);
  });
});

/** Asks until the status is the wanted one; each request takes the server a moment. */
async function untilStatus(path: string, wanted: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const response = await fetch(base + path);
    await response.text();
    if (response.status === wanted) return;
  }
  throw new Error(`${path} never answered ${wanted}`);
}
