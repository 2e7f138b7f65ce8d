import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { debugServer } from '../../src/admin/debug-server.ts';
import type { HttpListener } from '../../src/admin/http-listener.ts';
import { CHUNK_LENGTH } from '../../src/admin/text-stream.ts';

let listener: HttpListener;
let base: string;
let ruleLines: () => Iterable<string>;
let statLines: () => Iterable<string>;
const logged: string[] = [];

beforeEach(async () => {
  ruleLines = () => [];
  statLines = () => [];
  logged.length = 0;
  listener = debugServer({
    address: { name: 'debug', host: '127.0.0.1', port: 0, setting: 'DEBUG_PORT' },
    ruleLines: () => ruleLines(),
    statLines: () => statLines(),
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      chunks: async function* () {
        yield 'a 1\n';
      },
    },
    log: (message, error) => logged.push(`${message}: ${String(error)}`),
  });
  base = `http://127.0.0.1:${await listener.listen()}`;
});
afterEach(() => listener.close(0));

const text = async (path: string): Promise<string> => (await fetch(base + path)).text();

describe('the debug port', () => {
  it('lists its pages sorted, each with its help', async () => {
    const lines = (await text('/')).trimEnd().split('\n');
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      '/debug/pprof/',
      '/debug/pprof/heap',
      '/debug/pprof/profile',
      '/metrics',
      '/rlconfig',
      '/stats',
    ]);
    for (const line of lines) expect(line).toMatch(/^\/\S+: \S/);
    expect(await text('/')).toContain('no heap snapshot');
  });

  it('shows the rules in force, a line each', async () => {
    const line = 'd.k: unit=MINUTE requests_per_unit=5, shadow_mode: false, quota_mode: false';
    ruleLines = () => [line, line];
    expect(await text('/rlconfig')).toBe(`${line}\n${line}\n`);
  });

  it('shows nothing when there are no rules', async () => {
    expect(await text('/rlconfig')).toBe('');
  });

  it('shows the counts, a line each', async () => {
    statLines = () => ['ratelimit.service.config_load_success: 1'];
    expect(await text('/stats')).toBe('ratelimit.service.config_load_success: 1\n');
  });

  it('serves the metrics page', async () => {
    expect(await text('/metrics')).toBe('a 1\n');
  });

  it('lists the profiles', async () => {
    expect(await text('/debug/pprof/')).toMatch(/^\/debug\/pprof\/heap: .*\n.*profile: .*\n$/);
  });

  it('answers 500 and logs when the rules cannot be listed', async () => {
    ruleLines = () => {
      throw new Error('defect');
    };
    expect((await fetch(`${base}/rlconfig`)).status).toBe(500);
    expect(logged).toEqual(['debug: /rlconfig failed: Error: defect']);
  });
});

describe('a page of 100 000 rules', () => {
  const LINES = 100_000;
  const LINE = 'domain.key: unit=HOUR requests_per_unit=1, shadow_mode: false, quota_mode: false';

  it('arrives whole and gives the event loop its turns meanwhile', async () => {
    let turns = 0;
    let isCounting = true;
    const count = (): void => {
      turns += 1;
      if (isCounting) setImmediate(count);
    };
    let turnsAtFirst = 0;
    let turnsAtLast = 0;
    ruleLines = function* () {
      turnsAtFirst = turns;
      for (let sent = 0; sent < LINES; sent += 1) yield LINE;
      turnsAtLast = turns;
    };
    count();
    const page = await text('/rlconfig');
    isCounting = false;
    expect(page.length).toBe(LINES * (LINE.length + 1));
    expect(turnsAtLast - turnsAtFirst).toBeGreaterThanOrEqual(
      Math.floor((LINES * LINE.length) / CHUNK_LENGTH / 2),
    );
  });

  it('is made no faster than it is read, and no further when its reader goes', async () => {
    let made = 0;
    const released = Promise.withResolvers<void>();
    ruleLines = function* () {
      try {
        for (; made < 10_000_000; made += 1) yield LINE;
      } finally {
        released.resolve();
      }
    };
    const response = await new Promise<IncomingMessage>((resolve) => {
      get(`${base}/rlconfig`, resolve).on('error', () => {});
    });
    response.on('error', () => {});
    await new Promise((resolve) => response.once('readable', resolve));
    response.destroy();
    await released.promise;
    expect(made).toBeLessThan(10_000_000);
    expect(await text('/stats')).toBe('');
  });
});
