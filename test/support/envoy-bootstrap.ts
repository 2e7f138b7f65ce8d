/**
 * Makes the bootstraps in `envoy/` fit for a test machine and changes nothing else in them, so that the
 * tests prove the files that users copy: addresses become loopback with the test's ports, and the time
 * that Envoy waits for Weir becomes long enough for a machine that is busy with other tests.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The directory of the bootstraps, with `limits/` beside them. */
export const ENVOY_DIR = fileURLToPath(new URL('../../envoy/', import.meta.url));

/** Cluster name to the ports of its endpoints on loopback. Every cluster of the file must be named. */
export type ClusterPorts = Readonly<Record<string, readonly number[]>>;

const RATE_LIMIT_FILTER = 'envoy.filters.http.ratelimit';
const TEST_TIMEOUT = '3s';

interface Named {
  name: string;
}
interface SocketAddress {
  socket_address: { address: string; port_value: number };
}
interface Endpoint {
  endpoint: { address: SocketAddress };
}
interface Cluster extends Named {
  load_assignment: { endpoints: { lb_endpoints: Endpoint[] }[] };
}
interface HttpFilter extends Named {
  typed_config: Record<string, unknown>;
}
interface Listener extends Named {
  address: SocketAddress;
  filter_chains: { filters: { typed_config: { http_filters: HttpFilter[] } }[] }[];
}
/** The parts of `envoy.config.bootstrap.v3.Bootstrap` that a test changes. */
export interface Bootstrap {
  admin: { address: SocketAddress };
  static_resources: { listeners: Listener[]; clusters: Cluster[] };
}

/** A file of `envoy/` as it is. */
export function readBootstrap(file: string): Bootstrap {
  return parse(readFileSync(`${ENVOY_DIR}${file}`, 'utf8')) as Bootstrap;
}

/** Port 0 lets Envoy choose: it says what it took. */
function loopback(port: number): SocketAddress {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** A file of `envoy/` for this machine. */
export function testBootstrap(file: string, ports: ClusterPorts): Bootstrap {
  const bootstrap = readBootstrap(file);
  bootstrap.admin.address = loopback(0);
  const { listeners, clusters } = bootstrap.static_resources;
  for (const cluster of clusters) {
    const chosen = ports[cluster.name];
    if (chosen === undefined) throw new Error(`${file}: no test port for cluster ${cluster.name}`);
    const endpoints = chosen.map((port) => ({ endpoint: { address: loopback(port) } }));
    cluster.load_assignment.endpoints = [{ lb_endpoints: endpoints }];
  }
  for (const listener of listeners) {
    listener.address = loopback(0);
    for (const filter of httpFilters(listener)) {
      if (filter.name === RATE_LIMIT_FILTER) filter.typed_config['timeout'] = TEST_TIMEOUT;
    }
  }
  return bootstrap;
}

export function httpFilters(listener: Listener): HttpFilter[] {
  return listener.filter_chains.flatMap((chain) =>
    chain.filters.flatMap((filter) => filter.typed_config.http_filters),
  );
}
