/**
 * Peers that mean harm, against the real service, beside a neighbour that means none: calls at a fixed
 * rate on connections of its own, each due at its time whatever the answers do. Every one of them must
 * be answered, about as fast as without an attack, and the service's memory stays within its bounds.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child, until } from '../support/child.ts';
import { LoadClient } from '../support/load-client.ts';
import type { LoadReport } from '../support/load-report.ts';
import { type Service, startService } from '../support/service.ts';
import type { AttackerWord } from './attacker.ts';
import { ATTACKS, type Attack } from './attacks.ts';

const UNDER_WAY: AttackerWord = 'under way';
const ATTACKER = fileURLToPath(new URL('attacker.ts', import.meta.url));
const LIMITS = `
domain: interop
descriptors:
  - { key: neighbour, rate_limit: { unit: year, requests_per_unit: 4000000000 } }
  - { key: attacker, rate_limit: { unit: year, requests_per_unit: 4000000000 } }
`;

const RATE_PER_SECOND = 500;
const ATTACK_MS = 1000;
/** An attacked service works all the time, which a system with other work gives it less of. */
const SLOWER_BY_MAX = 20;
/** What a call may take however fast it is without an attack: some turns of a loop that is busy. */
const P99_MS_MIN = 60;
/** Beyond it the service stood still. */
const P99_MS_MAX = 250;
/** The machine may have other work in one second, not in each of so many. */
const TRIES = 3;
/** Over what the service had before all attacks: 128 MiB of requests in part may be held twice. */
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;
const LOOK_MS = 50;
const START_MS_MAX = 60_000;
const ATTACK_TEST_MS_MAX = 60_000;

interface Round {
  readonly attacked: LoadReport;
  /** The same load at the same time on a service that nobody attacks: the machine is the same. */
  readonly calm: LoadReport;
  readonly peakBytes: number;
}

const rows: string[] = [];
let service: Service;
let calmService: Service;
let bytesBefore = 0;

async function neighbourOf({ ports }: Service): Promise<LoadReport> {
  using client = await LoadClient.start({
    port: ports.grpc,
    ratePerSecond: RATE_PER_SECOND,
    durationMs: ATTACK_MS,
    connections: 2,
    requests: Array.from({ length: 50 }, (_, i) => ({
      domain: 'interop',
      descriptors: [{ entries: [{ key: 'neighbour', value: `n-${i}` }] }],
    })),
  });
  return await client.done;
}

/** Resident memory of the service; 0 where the system does not tell. */
function residentBytes(): number {
  try {
    const status = readFileSync(`/proc/${service.child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function attack({ name }: Attack): Promise<Round> {
  const command = [process.execPath, ATTACKER, name, String(service.ports.grpc)];
  const child = new Child({ command, env: process.env });
  await child.ready(() => Promise.resolve(child.output.includes(UNDER_WAY)));
  let peakBytes = 0;
  const looks = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes());
  }, LOOK_MS);
  const reports = await Promise.all([neighbourOf(service), neighbourOf(calmService)]);
  clearInterval(looks);
  await child.stop('SIGKILL');
  return { attacked: reports[0], calm: reports[1], peakBytes };
}

/** What the neighbour suffered, when it is more than it may; '' when it is not. */
function harmOf({ attacked, calm }: Round): string {
  const calmMs = calm.summary().fromDue.p99;
  const boundMs = Math.min(Math.max(SLOWER_BY_MAX * calmMs, P99_MS_MIN), P99_MS_MAX);
  const lateMax = attacked.due / 100;
  // The time in which this process itself was not there is not the service's.
  const late = attacked.laterThanBesideStalls(boundMs);
  if (late <= lateMax) return '';
  return `${late} of ${attacked.due} calls took longer than ${boundMs.toFixed(0)} ms`;
}

beforeAll(async () => {
  service = await startService({ files: { 'interop.yaml': LIMITS } });
  calmService = await startService({ files: { 'interop.yaml': LIMITS } });
  // Code is compiled the first time.
  await Promise.all([neighbourOf(service), neighbourOf(calmService)]);
  bytesBefore = residentBytes();
}, START_MS_MAX);

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await calmService[Symbol.asyncDispose]();
  const before = `${Math.round(bytesBefore / 2 ** 20)} MiB before`;
  if (process.env['INTEROP'] === 'all') process.stderr.write(`${before}\n${rows.join('\n')}\n`);
});

/** A line of the table in docs/performance.md. */
function rowOf({ name }: Attack, { attacked, calm, peakBytes }: Round): string {
  const [under, without] = [attacked.summary().fromDue, calm.summary().fromDue];
  const times = [without.p50, without.p99, under.p50, under.p99].map((ms) => ms.toFixed(1));
  return `| ${name} | ${times.join(' | ')} | ${Math.round(peakBytes / 2 ** 20)} |`;
}

describe('the neighbour of a peer that means harm', () => {
  test.each(ATTACKS)(
    'loses no call and is answered in time: $name',
    async (plan) => {
      let harm = 'not tried';
      for (let left = TRIES; left > 0 && harm !== ''; left--) {
        const round = await attack(plan);
        expect(round.attacked.summary().outcomes).toEqual({ OK: round.attacked.due });
        expect(round.peakBytes - bytesBefore).toBeLessThan(GROWTH_BYTES_MAX);
        harm = harmOf(round);
        rows.push(rowOf(plan, round));
      }
      expect(harm).toBe('');
      // Nothing of it is left.
      for (const gauge of ['connections', 'calls', 'assembly_bytes']) {
        await until(
          () => service.metric(`weir_grpc_${gauge}`),
          (value) => value === 0,
        );
      }
    },
    ATTACK_TEST_MS_MAX,
  );
});
