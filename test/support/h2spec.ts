/**
 * h2spec, the HTTP/2 conformance suite, a Go program: from `.cache/bin`, from the PATH, or built once
 * by Go where Go is installed. Without any of these its tests are reported as skipped, by name; on CI
 * as failed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, it } from 'vitest';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../.cache/bin', import.meta.url));
const MODULE = 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible';
/** A build on a busy machine takes a minute. */
const BUILD_MS_MAX = 300_000;
/** The whole suite takes a second, or as many as a server lets it wait. */
const RUN_MS_MAX = 120_000;

export interface H2specReport {
  /** `145 tests, 145 passed, 0 skipped, 0 failed` */
  readonly summary: string;
  /** What failed, in h2spec's words. */
  readonly failures: string;
}

export interface H2specTarget {
  readonly port: number;
  readonly path: string;
  /** Over TLS, whatever the certificate. */
  readonly isTls?: boolean;
}

/** Tests against h2spec: `body` gets the path of its program. */
export async function describeWithH2spec(
  name: string,
  body: (program: string) => void,
): Promise<void> {
  const program = await findH2spec();
  if (program !== null) {
    describe(name, () => body(program));
    return;
  }
  describe(name, { skip: process.env['CI'] !== 'true' }, () => {
    it('needs h2spec: install Go, or put h2spec on the PATH', () => {
      throw new Error('h2spec is not here');
    });
  });
}

/** Runs one part of the suite: `generic`, `http2`, `hpack`, or with '' all. */
export async function runH2spec(
  program: string,
  part: string,
  { port, path, isTls = false }: H2specTarget,
): Promise<H2specReport> {
  const args = ['-h', '127.0.0.1', '-p', String(port), '-P', path];
  if (isTls) args.push('-t', '-k');
  if (part !== '') args.push(part);
  // Failed tests make it exit with 1: the summary tells.
  const { stdout } = await run(program, args, { timeout: RUN_MS_MAX }).catch(
    (error: { stdout: string }) => error,
  );
  const failures = stdout.split('Failures:')[1] ?? '';
  return { summary: /\d+ tests, .*/.exec(stdout)?.[0] ?? stdout, failures };
}

async function findH2spec(): Promise<string | null> {
  const folders = [CACHE, ...(process.env['PATH'] ?? '').split(delimiter)];
  const found = folders.map((folder) => join(folder, 'h2spec')).find((path) => existsSync(path));
  if (found !== undefined) return found;
  const env = { ...process.env, GOBIN: CACHE };
  try {
    await run('go', ['install', MODULE], { env, timeout: BUILD_MS_MAX });
    return join(CACHE, 'h2spec');
  } catch {
    return null;
  }
}
