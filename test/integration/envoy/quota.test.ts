/** Quotas through a real Envoy: tokens charged when a response is done, and rules that share a verdict. */
import { expect, test } from 'vitest';
import { describeWithEnvoy } from '../../support/parts.ts';
import { Upstream } from '../../support/upstream.ts';
import { roomInWindow } from '../../support/window.ts';
import { startScene } from './scene.ts';

const ROOM_SECONDS = 8;
const DAY_SECONDS = 86_400;
/** What one answer of these applications costs, as they report it. */
const COST = { 'x-tokens-used': '1000' };

describeWithEnvoy('quotas through Envoy', (envoyPath) => {
  test('a request asks, and its response pays: the one that passes the limit is the last', async () => {
    await using application = await Upstream.start({ headers: COST });
    await roomInWindow(DAY_SECONDS, ROOM_SECONDS);
    await using scene = await startScene({
      envoyPath,
      bootstrap: 'token-quota.yaml',
      upstreams: { application },
    });
    const ann = { 'x-user-id': 'ann' };
    for (const tokens of [1000, 2000, 3000]) {
      expect((await scene.envoy.get('/', ann)).status).toBe(200);
      // Nobody waits for the answer to the charge, so the next request must.
      await scene.ruleCountIs('total_hits', 'token-quota', 'user', tokens);
    }
    expect((await scene.envoy.get('/', ann)).status).toBe(429);
    expect(application.served).toBe(3);
    expect((await scene.envoy.get('/', { 'x-user-id': 'bob' })).status).toBe(200);
    await scene.ruleCountIs('total_hits', 'token-quota', 'user', 4000);
  });

  test('a response without a cost charges nothing', async () => {
    await using application = await Upstream.start();
    await roomInWindow(DAY_SECONDS, ROOM_SECONDS);
    await using scene = await startScene({
      envoyPath,
      bootstrap: 'token-quota.yaml',
      upstreams: { application },
    });
    expect(await scene.envoy.statuses(4, '/', { 'x-user-id': 'ann' })).toEqual([
      200, 200, 200, 200,
    ]);
    expect(await scene.envoy.stat('cluster.weir.upstream_rq_total')).toBe(4);
    expect(await scene.ruleCount('total_hits', 'token-quota', 'user')).toBe(0);
  });

  test('metadata sends requests to the first service with tokens left, then turns them away', async () => {
    await using first = await Upstream.start({ name: 'service_1', headers: COST });
    await using second = await Upstream.start({ name: 'service_2', headers: COST });
    await roomInWindow(DAY_SECONDS, ROOM_SECONDS);
    await using scene = await startScene({
      envoyPath,
      bootstrap: 'metadata-routing.yaml',
      upstreams: { service_1: first, service_2: second },
      env: { RESPONSE_DYNAMIC_METADATA: 'true' },
    });
    const expected = [
      ['service_1', 'budget_service_1', 1000],
      ['service_1', 'budget_service_1', 2000],
      ['service_2', 'budget_service_2', 1000],
      ['service_2', 'budget_service_2', 2000],
      ['service_2', 'budget_service_2', 3000],
    ] as const;
    for (const [service, path, tokens] of expected) {
      // A client cannot pick its service.
      const answer = await scene.envoy.get('/', { 'x-service': 'service_2' });
      expect([answer.status, answer.body]).toEqual([200, service]);
      await scene.ruleCountIs('total_hits', 'metadata-routing', path, tokens);
    }
    expect((await scene.envoy.get('/')).status).toBe(429);
    expect([first.served, second.served]).toEqual([2, 3]);
  });

  test('two quotas charged together reject when both are used up', async () => {
    await using service = await Upstream.start();
    await using scene = await startScene({
      envoyPath,
      bootstrap: 'metadata-routing.yaml',
      upstreams: { service_1: service, service_2: service },
      env: { RESPONSE_DYNAMIC_METADATA: 'true' },
    });
    await roomInWindow(60, ROOM_SECONDS);
    expect(await scene.envoy.statuses(3, '/calls')).toEqual([200, 200, 429]);
    await scene.ruleCountIs('over_limit', 'metadata-routing', 'calls_small', 2);
    await scene.ruleCountIs('over_limit', 'metadata-routing', 'calls_large', 1);
  });
});
