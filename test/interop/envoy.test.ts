/**
 * Envoy as the client: requests through it, each of which asks the service, plain and with TLS. Every
 * one is decided by the service, none passes because an answer was missing.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Envoy } from '../support/envoy.ts';
import { type Bootstrap, testBootstrap } from '../support/envoy-bootstrap.ts';
import {
  CA_PATH,
  CALLS,
  HOST,
  runClient,
  startInterop,
  TRANSPORTS,
  type Transport,
} from '../support/interop.ts';
import { describeWithClient, describeWithEnvoy } from '../support/parts.ts';
import type { Service } from '../support/service.ts';
import { Upstream } from '../support/upstream.ts';

/** For `envoy/basic.yaml`, whose route sends `user`. */
const LIMITS = `
domain: basic
descriptors:
  - key: user
    detailed_metric: true
    rate_limit: { unit: year, requests_per_unit: ${CALLS} }
`;
const TLS_SOCKET = {
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    sni: HOST,
    common_tls_context: {
      // Without it Envoy offers no protocol in its handshake, which HTTP/2 over TLS asks for.
      alpn_protocols: ['h2'],
      validation_context: { trusted_ca: { filename: CA_PATH } },
    },
  },
};

function bootstrapFor({ isTls }: Transport, service: Service, upstream: Upstream): Bootstrap {
  const ports = { weir: [service.ports.grpc], application: [upstream.port] };
  const bootstrap = testBootstrap('basic.yaml', ports);
  if (!isTls) return bootstrap;
  const weir = bootstrap.static_resources.clusters.find(({ name }) => name === 'weir');
  Object.assign(weir as object, { transport_socket: TLS_SOCKET });
  return bootstrap;
}

describeWithEnvoy('Envoy 1.40', (envoyPath) => {
  describe.each(TRANSPORTS)('over $name', (transport) => {
    let [service, upstream, envoy]: [Service?, Upstream?, Envoy?] = [];

    beforeAll(async () => {
      service = await startInterop(transport, LIMITS);
      upstream = await Upstream.start();
      envoy = await Envoy.start(envoyPath, bootstrapFor(transport, service, upstream));
      await envoy.statIs('cluster.weir.membership_healthy', (healthy) => healthy === 1);
    });
    afterAll(async () => {
      for (const part of [envoy, upstream, service]) await part?.[Symbol.asyncDispose]();
    });

    describeWithClient('h2load', 'driven by h2load', (h2load) => {
      test(`${CALLS} requests are each decided by the service`, async () => {
        if (service === undefined || envoy === undefined) throw new Error('not started');
        const load = ['--h1', '-n', String(CALLS), '-c', '20', '-H', 'x-user-id: ann'];
        const said = await runClient(h2load, [...load, `${envoy.url}/`]);
        expect(said).toContain(`status codes: ${CALLS} 2xx, 0 3xx, 0 4xx, 0 5xx`);
        const count = 'ratelimit_service_rate_limit_within_limit{domain="basic",key1="user_ann"}';
        expect(await service.metric(count)).toBe(CALLS);
        expect(upstream?.served).toBe(CALLS);
        for (const lapse of ['error', 'failure_mode_allowed', 'over_limit']) {
          expect(await envoy.stat(`cluster.application.ratelimit.${lapse}`), lapse).toBe(0);
        }
        const { status } = await envoy.get('/', { 'x-user-id': 'ann' });
        expect(status).toBe(429);
      });
    });
  });
});
