/**
 * The real parts that tests run against, as `scripts/fetch-parts.mjs` found them before `npm test`.
 * A test that needs Envoy is declared with `describeWithEnvoy`, one that needs toxiproxy with
 * `describeWithToxiproxy`: without the part it is reported as skipped, by name, on a developer's
 * machine, and fails on CI.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

const RECORD = fileURLToPath(new URL('../../.cache/parts.json', import.meta.url));

/** Where a program that tests start comes from. */
export type Part =
  | { readonly kind: 'program'; readonly path: string }
  | { readonly kind: 'absent'; readonly reason: string };

export interface Parts {
  readonly redis: Part;
  readonly envoy: Part;
  readonly h2spec: Part;
  readonly toxiproxy: Part;
}

/** Keys that the record has for its programs. */
type RecordKey = 'redisServer' | 'envoy' | 'h2spec' | 'toxiproxy';

/** A path; null where the part could not be had; absent where it was not looked for. */
type PartsRecord = { readonly [key in RecordKey]?: string | null } & {
  readonly missing: { readonly [key in RecordKey]?: string };
};

const NO_RECORD: PartsRecord = { missing: {} };

/** Reads the record; a part that has none is `absent` with what to do about it. */
export function readParts(path: string = RECORD): Parts {
  const record = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as PartsRecord)
    : NO_RECORD;
  const part = (key: RecordKey, name: string): Part => {
    const program = record[key];
    if (typeof program === 'string') return { kind: 'program', path: program };
    const absent = 'was not looked for yet: run `npm test`, or `node scripts/fetch-parts.mjs` once';
    return { kind: 'absent', reason: record.missing[key] ?? `${name} ${absent}` };
  };
  return {
    redis: part('redisServer', 'Redis'),
    envoy: part('envoy', 'Envoy'),
    h2spec: part('h2spec', 'h2spec'),
    toxiproxy: part('toxiproxy', 'toxiproxy'),
  };
}

/** The server that was found before the tests, else the one on the PATH. */
export function redisProgram(): string {
  const { redis } = readParts();
  return redis.kind === 'program' ? redis.path : 'redis-server';
}

/** Tests against a real Envoy: `body` gets the path of its program. */
export function describeWithEnvoy(name: string, body: (envoyPath: string) => void): void {
  describeWith(readParts().envoy, name, body);
}

/** Tests that disturb a connection by a real toxiproxy, started by `startToxiproxy`. */
export function describeWithToxiproxy(name: string, body: () => void): void {
  describeWith(readParts().toxiproxy, name, body);
}

function describeWith(part: Part, name: string, body: (path: string) => void): void {
  if (part.kind === 'absent') describeAbsent(name, part.reason);
  else describe(name, () => body(part.path));
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
