/** The gRPC port with TLS, over both listeners. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { credentials, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { startService } from '../support/service.ts';
import { RawClient } from '../wire/grpc-js/raw-client.ts';

const PEMS = fileURLToPath(new URL('../wire/tls/', import.meta.url));
const TLS = {
  GRPC_SERVER_USE_TLS: 'true',
  GRPC_SERVER_TLS_CERT: `${PEMS}server.pem`,
  GRPC_SERVER_TLS_KEY: `${PEMS}server.key.pem`,
  GRPC_CLIENT_TLS_CACERT: `${PEMS}ca.pem`,
  GRPC_CLIENT_TLS_SAN: 'envoy.test',
};
const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
const NOTHING = new Uint8Array(0);

function clientOf(port: number, name: string): RawClient {
  const pem = (file: string): Buffer => readFileSync(`${PEMS}${file}.pem`);
  const creds = credentials.createSsl(pem('ca'), pem(`${name}.key`), pem(name));
  return new RawClient(`localhost:${port}`, creds);
}

test.each([
  ['native', true],
  ['grpc-js', false],
])('the %s listener lets in who carries the name, and nobody else', async (listener, isCounted) => {
  await using service = await startService({ env: { ...TLS, GRPC_LISTENER: listener } });
  const envoy = clientOf(service.ports.grpc, 'envoy');
  const stranger = clientOf(service.ports.grpc, 'stranger');
  expect((await envoy.call(HEALTH_CHECK, NOTHING)).code).toBe(status.OK);
  expect((await stranger.call(HEALTH_CHECK, NOTHING)).code).toBe(status.UNAUTHENTICATED);
  const page = await service.get('metrics', '/metrics');
  const seen = ['weir_grpc_connections 2', 'weir_grpc_tls_reloads_total{outcome="applied"} 0'];
  for (const sample of seen) expect(page.includes(`${sample}\n`)).toBe(isCounted);
  envoy.close();
  stranger.close();
});
