/** h2load of nghttp2, a generator of another make: so that ours is not the only witness. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { message as framed } from '../support/http2-frames.ts';
import { readParts } from '../support/parts.ts';

export interface H2loadRun {
  readonly host: string;
  readonly port: number;
  /** It repeats one request. */
  readonly message: Uint8Array;
  readonly connections: number;
  readonly inFlight: number;
  readonly calls: number;
}

const RUN_MS_MAX = 60_000;
const FIELDS = ['content-type: application/grpc', 'te: trailers'];
const { h2load } = readParts();
const PROGRAM = h2load.kind === 'program' ? h2load.path : 'h2load';

export const hasH2load = spawnSync(PROGRAM, ['--version']).status === 0;

/** Rejects when not every call is answered. */
export async function runH2load({ host, port, ...run }: H2loadRun): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-h2load-'));
  try {
    const body = join(folder, 'body');
    writeFileSync(body, framed(run.message));
    const perConnection = Math.round(run.inFlight / run.connections);
    const counts = { n: run.calls, c: run.connections, m: perConnection };
    const load = Object.entries(counts).flatMap(([name, count]) => [`-${name}`, String(count)]);
    const url = `http://${host}:${port}${SHOULD_RATE_LIMIT}`;
    const args = [...load, '-d', body, ...FIELDS.flatMap((field) => ['-H', field]), url];
    const { stdout } = await promisify(execFile)(PROGRAM, args, { timeout: RUN_MS_MAX });
    if (!stdout.includes(` ${run.calls} succeeded`)) throw new Error(`h2load said: ${stdout}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
