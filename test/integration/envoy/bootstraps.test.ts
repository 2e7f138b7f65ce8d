/** Every file of `envoy/` is one that Envoy 1.40 accepts, and its limits file one that it belongs to. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import {
  type Bootstrap,
  ENVOY_DIR,
  httpFilters,
  readBootstrap,
} from '../../support/envoy-bootstrap.ts';
import { describeWithEnvoy } from '../../support/parts.ts';

/** Resources for a control plane instead of bootstraps. */
const KUBERNETES = ['istio.yaml', 'envoy-gateway.yaml'];
const FILES = readdirSync(ENVOY_DIR).filter((name) => name.endsWith('.yaml'));
const BOOTSTRAPS = FILES.filter((name) => !KUBERNETES.includes(name));
const VALIDATE_MS_MAX = 20_000;

/** What a control plane adds to the configuration of an Envoy, as Envoy's own messages. */
interface Patch {
  readonly target: 'cluster' | 'http filter' | 'virtual host';
  readonly value: Record<string, unknown>;
}

/** A resource of any kind, by somebody else's schema. */
type Resource = ReturnType<typeof parse>;

function resources(file: string, kind: string): Resource[] {
  return parseAllDocuments(readFileSync(ENVOY_DIR + file, 'utf8'))
    .map((document): Resource => document.toJS())
    .filter((resource) => resource.kind === kind);
}

const ISTIO_TARGETS: Record<string, Patch['target']> = {
  CLUSTER: 'cluster',
  HTTP_FILTER: 'http filter',
  VIRTUAL_HOST: 'virtual host',
};

function istioPatches(): Patch[] {
  return resources('istio.yaml', 'EnvoyFilter')
    .flatMap((resource): Resource[] => resource.spec.configPatches)
    .map(({ applyTo, patch }) => ({
      target: ISTIO_TARGETS[applyTo] as Patch['target'],
      value: patch.value,
    }));
}

function gatewayPatches(): Patch[] {
  return resources('envoy-gateway.yaml', 'EnvoyPatchPolicy')
    .flatMap((resource): Resource[] => resource.spec.jsonPatches)
    .map(({ type, operation }) => ({
      target: type.endsWith('.Cluster') ? 'cluster' : 'http filter',
      value: operation.value,
    }));
}

/** The basic bootstrap, with its rate limits and filter taken from the patches instead. */
function patched(patches: readonly Patch[]): Bootstrap {
  const bootstrap: Resource = readBootstrap('basic.yaml');
  const { listeners, clusters } = bootstrap.static_resources;
  const connection = listeners[0].filter_chains[0].filters[0].typed_config;
  const [host] = connection.route_config.virtual_hosts;
  delete host.routes[0].route.rate_limits;
  connection.http_filters = connection.http_filters.filter(
    (filter: Resource) => filter.name !== 'envoy.filters.http.ratelimit',
  );
  for (const { target, value } of patches) {
    if (target === 'cluster') clusters.splice(clusters.findIndex(isWeir), 1, value);
    if (target === 'http filter') connection.http_filters.unshift(value);
    if (target === 'virtual host') Object.assign(host, value);
  }
  // A cluster that no patch brings is one that the mesh makes from its Service.
  const service = connection.http_filters[0].typed_config.rate_limit_service.grpc_service;
  const weir = clusters.find(isWeir);
  weir.name = service.envoy_grpc.cluster_name;
  weir.load_assignment.cluster_name = weir.name;
  return bootstrap;
}

function isWeir(cluster: Resource): boolean {
  return cluster.name === 'weir';
}

describeWithEnvoy('bootstraps', (envoyPath) => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-bootstraps-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  function validate(path: string): string {
    const args = ['--mode', 'validate', '-c', path, '--log-level', 'warning'];
    const run = spawnSync(envoyPath, args, { encoding: 'utf8', timeout: VALIDATE_MS_MAX });
    return run.status === 0 ? run.stdout.trim() : run.stdout + run.stderr;
  }

  test.each(BOOTSTRAPS)('Envoy accepts %s', (file) => {
    const path = ENVOY_DIR + file;
    expect(validate(path)).toBe(`configuration '${path}' OK`);
  });

  test.each([
    ['istio.yaml', istioPatches, ['http filter', 'virtual host']],
    ['envoy-gateway.yaml', gatewayPatches, ['http filter', 'cluster']],
  ])('Envoy accepts what %s adds to its configuration', (file, patches, targets) => {
    expect(patches().map((patch) => patch.target)).toEqual(targets);
    const path = join(dir, `${file}.json`);
    writeFileSync(path, JSON.stringify(patched(patches())));
    expect(validate(path)).toBe(`configuration '${path}' OK`);
  });
});

describe('bootstraps and limits files', () => {
  test.each(BOOTSTRAPS)(
    '%s asks for the domain of its limits file, by keys that it has',
    (file) => {
      const limits = parse(readFileSync(`${ENVOY_DIR}limits/${file}`, 'utf8'));
      const bootstrap = readBootstrap(file);
      const filters = bootstrap.static_resources.listeners.flatMap(httpFilters);
      const filter = filters.find((each) => each.name === 'envoy.filters.http.ratelimit');
      expect(filter?.typed_config['domain']).toBe(limits.domain);
      const keys = JSON.stringify(bootstrap).matchAll(/"descriptor_key":"([^"]+)"/g);
      const asked = new Set(Array.from(keys, ([, key]) => key));
      const known = new Set(limits.descriptors.map((descriptor: Resource) => descriptor.key));
      expect(asked).toEqual(known);
    },
  );

  test('every shipped limits file belongs to a bootstrap', () => {
    expect(readdirSync(`${ENVOY_DIR}limits`).toSorted()).toEqual(BOOTSTRAPS.toSorted());
  });
});
