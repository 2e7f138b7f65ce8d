/** The service goes away behind Envoy, and comes back. */
import { expect, test } from 'vitest';
import { Envoy } from '../../support/envoy.ts';
import { testBootstrap } from '../../support/envoy-bootstrap.ts';
import { describeWithEnvoy } from '../../support/parts.ts';
import { startService } from '../../support/service.ts';
import { Upstream } from '../../support/upstream.ts';
import { roomInWindow } from '../../support/window.ts';
import { SHIPPED_LIMITS, startScene } from './scene.ts';

const HEALTHY = 'cluster.weir.membership_healthy';
const ALLOWED = 'cluster.application.ratelimit.failure_mode_allowed';
const ROOM_SECONDS = 8;

describeWithEnvoy('an outage behind Envoy', (envoyPath) => {
  test('without the service requests pass; when it is back it limits again', async () => {
    await using application = await Upstream.start();
    await using scene = await startScene({
      envoyPath,
      bootstrap: 'basic.yaml',
      upstreams: { application },
    });
    const { envoy, service } = scene;
    const ann = { 'x-user-id': 'ann' };
    expect((await envoy.get('/', ann)).status).toBe(200);
    expect(await envoy.stat(ALLOWED)).toBe(0);

    await service.stop('SIGKILL');
    expect(await envoy.statuses(5, '/', ann)).toEqual([200, 200, 200, 200, 200]);
    expect(await envoy.stat(ALLOWED)).toBe(5);

    await using back = await startService({ files: SHIPPED_LIMITS, ports: service.ports });
    await envoy.statIs(HEALTHY, (hosts) => hosts === 1);
    await roomInWindow(60, ROOM_SECONDS);
    expect(await envoy.statuses(4, '/', ann)).toEqual([200, 200, 200, 429]);
    expect(await envoy.stat(ALLOWED)).toBe(5);
    expect(await back.stop()).toEqual({ code: 0, signal: null });
  });

  test('with failure_mode_deny requests are turned away while the service is down', async () => {
    await using application = await Upstream.start();
    const ports = { weir: [1], application: [application.port] };
    const bootstrap = testBootstrap('basic.yaml', ports);
    const text = JSON.stringify(bootstrap).replace(
      '"failure_mode_deny":false',
      '"failure_mode_deny":true',
    );
    await using envoy = await Envoy.start(envoyPath, JSON.parse(text));
    expect((await envoy.get('/', { 'x-user-id': 'ann' })).status).toBe(500);
    expect(application.served).toBe(0);
  });
});
