/** What a client sees of limits through a real Envoy, with the bootstraps and limits that users copy. */
import { expect, test } from 'vitest';
import { describeWithEnvoy } from '../../support/parts.ts';
import { Upstream } from '../../support/upstream.ts';
import { roomInWindow } from '../../support/window.ts';
import { type Scene, startScene } from './scene.ts';

/** Longer than any test here takes, in seconds: none is cut by the end of a minute. */
const ROOM_SECONDS = 8;

describeWithEnvoy('limits through Envoy', (envoyPath) => {
  async function scene(file: string, application: Upstream, env = {}): Promise<Scene> {
    const made = await startScene({ envoyPath, bootstrap: file, upstreams: { application }, env });
    await roomInWindow(60, ROOM_SECONDS);
    return made;
  }

  test('requests inside the limit pass, the next is 429 and never reaches the application', async () => {
    await using application = await Upstream.start();
    await using made = await scene('basic.yaml', application);
    const { envoy } = made;
    const ann = { 'x-user-id': 'ann' };
    expect(await envoy.statuses(3, '/', ann)).toEqual([200, 200, 200]);
    const rejected = await envoy.get('/', ann);
    expect(rejected.status).toBe(429);
    expect(rejected.headers.get('x-envoy-ratelimited')).toBe('true');
    expect(rejected.headers.get('ratelimit-limit')).toBeNull();
    expect(application.served).toBe(3);
    // Every user on their own, and what no rule names passes.
    expect(await envoy.statuses(1, '/', { 'x-user-id': 'bob' })).toEqual([200]);
    expect(await envoy.statuses(5, '/')).toEqual([200, 200, 200, 200, 200]);
    expect(await envoy.stat('cluster.application.ratelimit.over_limit')).toBe(1);
    expect(await envoy.stat('cluster.application.ratelimit.ok')).toBe(9);
    expect(await envoy.stat('cluster.application.ratelimit.error')).toBe(0);
    await made.ruleCountIs('total_hits', 'basic', 'route_api', 10);
  });

  test('a detailed metric names the value that was not in the limits file', async () => {
    await using application = await Upstream.start();
    await using made = await scene('basic.yaml', application);
    const tenant = { 'x-tenant-id': 'unspecified_value' };
    expect(await made.envoy.statuses(3, '/', tenant)).toEqual([200, 200, 429]);
    await made.ruleCountIs('over_limit', 'basic', 'tenant_unspecified_value', 1);
    await made.ruleCountIs('total_hits', 'basic', 'tenant_unspecified_value', 3);
  });

  test('clients see the limit, what remains and when it resets, from Envoy and from Weir', async () => {
    await using application = await Upstream.start();
    const env = { LIMIT_RESPONSE_HEADERS_ENABLED: 'true' };
    await using made = await scene('response-headers.yaml', application, env);
    const who = { 'x-user-id': 'ann', 'x-plan': 'free' };
    const first = await made.envoy.get('/', who);
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit')).toBe(
      '2, 2;w=60;name="per-user", 1000;w=3600;name="free-plan"',
    );
    expect(first.headers.get('x-ratelimit-remaining')).toBe('1');
    expect(first.headers.get('ratelimit-limit')).toBe('2');
    expect(first.headers.get('ratelimit-remaining')).toBe('1');
    expect(first.headers.get('retry-after')).toBeNull();
    await made.envoy.get('/', who);
    const over = await made.envoy.get('/', who);
    expect(over.status).toBe(429);
    expect(over.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(over.headers.get('ratelimit-remaining')).toBe('0');
    for (const name of ['x-ratelimit-reset', 'ratelimit-reset', 'retry-after']) {
      const seconds = Number(over.headers.get(name));
      expect(seconds, name).toBeGreaterThanOrEqual(1);
      expect(seconds, name).toBeLessThanOrEqual(60);
    }
  });

  test('a rule in shadow mode counts what it would reject and rejects nothing', async () => {
    await using application = await Upstream.start();
    await using made = await scene('replaces-and-shadow.yaml', application);
    const search = { 'x-search': 'weir' };
    expect(await made.envoy.statuses(4, '/', search)).toEqual([200, 200, 200, 200]);
    for (const [count, hits] of [
      ['total_hits', 4],
      ['over_limit', 3],
      ['shadow_mode', 3],
    ] as const) {
      await made.ruleCountIs(count, 'replaces-and-shadow', 'search', hits);
    }
    expect(await made.envoy.stat('cluster.application.ratelimit.over_limit')).toBe(0);
  });

  test('a rule that replaces another lifts it for its own requests and leaves it to the rest', async () => {
    await using application = await Upstream.start();
    await using made = await scene('replaces-and-shadow.yaml', application);
    const { envoy } = made;
    const crawler = { 'x-client': 'crawler' };
    const partner = { ...crawler, 'x-partner-key': 'acme' };
    expect(await envoy.statuses(1, '/', crawler)).toEqual([429]);
    expect(await envoy.statuses(3, '/', partner)).toEqual([200, 200, 429]);
    expect(await envoy.statuses(1, '/', crawler)).toEqual([429]);
    await made.ruleCountIs('over_limit', 'replaces-and-shadow', 'client_crawler', 2);
    await made.ruleCountIs('total_hits', 'replaces-and-shadow', 'client_crawler', 2);
  });
});
