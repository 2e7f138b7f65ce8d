import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UnaryHandler } from '../../../src/wire/rpc-server.ts';
import { describeWithH2spec, runH2spec } from '../../support/h2spec.ts';
import { pem, type StartedNative, startNative } from './native-fixture.ts';

const PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
const METHODS = {
  unary: new Map<string, UnaryHandler>([[PATH, (request, call) => call.reply(request)]]),
};
/** So few that h2spec, which opens one more than it may, does not need thousands. */
const CONCURRENT_STREAMS_MAX = 100;

await describeWithH2spec('the native listener, under h2spec', (program) => {
  const started: StartedNative[] = [];

  beforeAll(async () => {
    const concurrentStreamsMax = CONCURRENT_STREAMS_MAX;
    const tls = { cert: pem('server'), key: pem('server.key'), clientCa: null, clientSan: '' };
    started.push(await startNative(METHODS, { concurrentStreamsMax }));
    started.push(await startNative(METHODS, { concurrentStreamsMax, tls }));
  });

  afterAll(async () => {
    await Promise.all(started.map(({ server }) => server.drain(0)));
  });

  it.each([
    ['generic', 44],
    ['http2', 94],
    ['hpack', 7],
  ])('passes all of its %s tests', async (part, tests) => {
    const report = await runH2spec(program, part, { port: portOf(started[0]), path: PATH });
    expect(report.failures).toBe('');
    expect(report.summary).toBe(`${tests} tests, ${tests} passed, 0 skipped, 0 failed`);
  });

  it('passes all of its tests over TLS', async () => {
    const target = { port: portOf(started[1]), path: PATH, isTls: true };
    const report = await runH2spec(program, '', target);
    expect(report.failures).toBe('');
    expect(report.summary).toMatch(/^(\d+) tests, \1 passed, 0 skipped, 0 failed$/);
  });
});

function portOf(running: StartedNative | undefined): number {
  return running?.port ?? 0;
}
