/**
 * What every Envoy test needs: the service with the limits of `envoy/limits`, an application, and Envoy
 * with one of the bootstraps between a client and both.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { until } from '../../support/child.ts';
import { Envoy } from '../../support/envoy.ts';
import { type ClusterPorts, ENVOY_DIR, testBootstrap } from '../../support/envoy-bootstrap.ts';
import { type Service, type ServiceOptions, startService } from '../../support/service.ts';
import type { Upstream } from '../../support/upstream.ts';

const LIMITS_DIR = `${ENVOY_DIR}limits/`;

/** Every file of `envoy/limits`, as one directory of limits. */
export const SHIPPED_LIMITS: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(LIMITS_DIR).map((name) => [name, readFileSync(LIMITS_DIR + name, 'utf8')]),
);

export class Scene {
  readonly envoy: Envoy;
  readonly service: Service;

  constructor(envoy: Envoy, service: Service) {
    this.envoy = envoy;
    this.service = service;
  }

  /** A count that the service keeps of a rule, such as `over_limit`; 0 while it has none. */
  ruleCount(count: string, domain: string, path: string): Promise<number> {
    const labels = `domain="${domain}",key1="${path}"`;
    return this.service.metric(`ratelimit_service_rate_limit_${count}{${labels}}`);
  }

  /** Awaits that a rule's count is `expected`; rejects with what it is instead. */
  async ruleCountIs(count: string, domain: string, path: string, expected: number): Promise<void> {
    const read = () => this.ruleCount(count, domain, path);
    await until(read, (value) => value === expected).catch((cause: unknown) => {
      throw new Error(`${count} of ${domain} ${path} is not ${expected}`, { cause });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.envoy[Symbol.asyncDispose]();
    await this.service[Symbol.asyncDispose]();
  }
}

export interface SceneOptions {
  readonly envoyPath: string;
  /** A file of `envoy/`. */
  readonly bootstrap: string;
  /** The applications by cluster name; they stay the test's own. */
  readonly upstreams: Readonly<Record<string, Upstream>>;
  readonly env?: ServiceOptions['env'];
}

export async function startScene(options: SceneOptions): Promise<Scene> {
  const service = await startService({ files: SHIPPED_LIMITS, env: options.env });
  const upstreams = Object.entries(options.upstreams);
  const ports: ClusterPorts = {
    weir: [service.ports.grpc],
    ...Object.fromEntries(upstreams.map(([name, upstream]) => [name, [upstream.port]])),
  };
  const bootstrap = testBootstrap(options.bootstrap, ports);
  const envoy = await Envoy.start(options.envoyPath, bootstrap);
  // Until its first health check Envoy asks nobody, and lets requests pass.
  await envoy.statIs('cluster.weir.membership_healthy', (healthy) => healthy === 1);
  return new Scene(envoy, service);
}
