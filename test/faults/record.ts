/** One line for each long run, in .cache/faults.jsonl: what was measured, for docs/failure.md. */
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FORM } from './form.ts';
import { lateShares } from './late-shares.ts';
import type { Scene } from './scene.ts';

const FILE = fileURLToPath(new URL('../../.cache/faults.jsonl', import.meta.url));

export interface Row {
  readonly row: string;
  readonly deadlineMs: number;
  readonly recoveryMs: number | null;
}

export function recordRow({ report, watch }: Scene, { row, deadlineMs, recoveryMs }: Row): void {
  const { due, outcomes, degraded, fromDue, fromSent, stalls } = report.summary();
  const { overMs } = FORM.late[0] as { overMs: number };
  const line = {
    row,
    due,
    outcomes,
    degraded,
    fromDue,
    fromSent,
    late: report.laterThan(deadlineMs + overMs),
    lateBesideStalls: report.laterThanBesideStalls(deadlineMs + overMs),
    shares: FORM.late.map((its) => lateShares(report, deadlineMs, its.overMs)),
    stalls,
    ownStalls: watch.last.sum('weir_event_loop_stalls_total'),
    recoveryMs,
    local: watch.last.local,
    lostHits: watch.last.sum('weir_redis_lost_hits_total'),
    memory: watch.memory,
  };
  appendFileSync(FILE, `${JSON.stringify(line)}\n`);
}
