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
  readonly h2load: Part;
  readonly goClient: Part;
  readonly ghz: Part;
  readonly grpcurl: Part;
}

/** Keys that the record has for its programs. */
type RecordKey = Exclude<keyof Parts, 'redis'> | 'redisServer';

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
    h2load: part('h2load', 'h2load'),
    goClient: part('goClient', 'a client of grpc-go'),
    ghz: part('ghz', 'ghz'),
    grpcurl: part('grpcurl', 'grpcurl'),
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

/** Clients of other makes that a test may be declared with. */
export type ClientPart = 'h2load' | 'goClient' | 'ghz' | 'grpcurl';
/** Their build takes longer than all tests: on CI too they are there only when INTEROP=all asks. */
const ASKED: readonly ClientPart[] = ['ghz', 'grpcurl'];

/** Tests by a client of another make: `body` gets the path of its program. */
export function describeWithClient(
  client: ClientPart,
  name: string,
  body: (path: string) => void,
): void {
  const isRequired = !ASKED.includes(client) || process.env['INTEROP'] === 'all';
  describeWith(readParts()[client], name, body, isRequired);
}

function describeWith(
  part: Part,
  name: string,
  body: (path: string) => void,
  isRequired = true,
): void {
  if (part.kind === 'absent') describeAbsent(name, part.reason, isRequired);
  else describe(name, () => body(part.path));
}

/** Reported as skipped on a developer's machine, as failed on CI when CI must have it. */
function describeAbsent(name: string, reason: string, isRequired: boolean): void {
  const isFailure = isRequired && process.env['CI'] === 'true';
  describe(name, { skip: !isFailure }, () => {
    test(`needs a part that is not here: ${reason}`, () => {
      throw new Error(reason);
    });
  });
}
