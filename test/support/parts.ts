/**
 * The real parts that tests run against, as `scripts/fetch-parts.mjs` found them before `npm test`.
 * A test that needs Envoy is declared with `describeWithEnvoy`: without Envoy it is reported as skipped,
 * by name, on a developer's machine, and fails on CI.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

const RECORD = fileURLToPath(new URL('../../.cache/parts.json', import.meta.url));

/** Where a server that tests start comes from. */
export type Part =
  | { readonly kind: 'program'; readonly path: string }
  | { readonly kind: 'absent'; readonly reason: string };

export interface Parts {
  readonly redis: Part;
  readonly envoy: Part;
}

interface PartsRecord {
  readonly redisServer: string | null;
  readonly envoy: string | null;
  readonly missing: { readonly redisServer?: string; readonly envoy?: string };
}

const ABSENT = 'not looked for yet: run `npm test`, or `node scripts/fetch-parts.mjs` once';
const NO_RECORD: PartsRecord = {
  redisServer: null,
  envoy: null,
  missing: { redisServer: `Redis was ${ABSENT}`, envoy: `Envoy was ${ABSENT}` },
};

/** Reads the record; a part that has none is `absent` with what to do about it. */
export function readParts(path: string = RECORD): Parts {
  const record = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as PartsRecord)
    : NO_RECORD;
  const { redisServer, envoy, missing } = record;
  return {
    redis: programOr(redisServer, missing.redisServer),
    envoy: programOr(envoy, missing.envoy),
  };
}

function programOr(path: string | null, reason: string | undefined): Part {
  return path === null
    ? { kind: 'absent', reason: reason ?? 'unknown' }
    : { kind: 'program', path };
}

/** The server that was found before the tests, else the one on the PATH. */
export function redisProgram(): string {
  const { redis } = readParts();
  return redis.kind === 'program' ? redis.path : 'redis-server';
}

/** Tests against a real Envoy: `body` gets the path of its program. */
export function describeWithEnvoy(name: string, body: (envoyPath: string) => void): void {
  const { envoy } = readParts();
  if (envoy.kind === 'absent') describeAbsent(name, envoy.reason);
  else describe(name, () => body(envoy.path));
}

/** Reported as skipped on a developer's machine, as failed on CI. */
function describeAbsent(name: string, reason: string): void {
  const isCi = process.env['CI'] === 'true';
  describe(name, { skip: !isCi }, () => {
    test(`needs a part that is not here: ${reason}`, () => {
      throw new Error(reason);
    });
  });
}
