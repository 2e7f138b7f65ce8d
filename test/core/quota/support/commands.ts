/** Commands as fast-check makes them: mostly sensible, often late, repeated or wrong. */
import fc from 'fast-check';
import type { Command } from '../../../../src/core/quota/command.ts';
import type { Ledger } from '../../../../src/core/quota/ledger.ts';
import type { Quota } from '../../../../src/core/quota/quota.ts';
import { Unit } from '../../../../src/core/rules/unit.ts';

export const RESOURCES = ['count/s', 'count/m', 'rate/s', 'raté/m'] as const;

const SORTS: readonly [kind: Quota['kind'], unit: Unit][] = [
  ['count', Unit.SECOND],
  ['count', Unit.MINUTE],
  ['rate', Unit.SECOND],
  ['rate', Unit.MINUTE],
];

/** A command but for what only the ledger knows, which `resolve` looks up when the command comes. */
export interface RawCommand {
  readonly pick: number;
  readonly resource: number;
  readonly session: number;
  readonly a: number;
  readonly b: number;
  readonly pause: number;
  /** Above 0: a wrong generation, session or sequence. */
  readonly wrong: number;
}

export const rawCommand: fc.Arbitrary<RawCommand> = fc.record({
  pick: fc.nat({ max: 19 }),
  resource: fc.nat({ max: RESOURCES.length - 1 }),
  session: fc.nat({ max: 3 }),
  a: fc.nat({ max: 60 }),
  b: fc.nat({ max: 20 }),
  pause: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 2000 }), fc.constant(-500)),
  wrong: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat({ max: 3 }) },
  ),
});

export function quotaOf(resource: number, limit: number, burst: number): Quota {
  const [kind, unit] = SORTS[resource]!;
  return kind === 'count' ? { kind, limit, unit } : { kind, limit, unit, burst: burst + 1 };
}

/** What the raw command is on this ledger at `ts`. */
export function resolve(raw: RawCommand, ledger: Ledger, ts: number): Command {
  const { pick, session: at, a, b, wrong } = raw;
  const resource = RESOURCES[raw.resource]!;
  const ids = [...ledger.sessions.keys()];
  const session = (ids[at % Math.max(1, ids.length)] ?? 0) + (wrong === 1 ? 1 : 0);
  const share = ledger.books.get(resource)?.shares.get(session);
  const generation = (share?.generation ?? 0) + (wrong === 2 ? 1 : 0);
  const on = { ts, resource, session, generation };
  if (pick < 2) return { kind: 'open-session', ts, instance: `i${at}`, incarnation: a % 3 };
  if (pick < 4) return { kind: 'set-quota', ts, resource, quota: quotaOf(raw.resource, a, b) };
  if (pick === 4) return { kind: 'set-quota', ts, resource, quota: null };
  if (pick === 5) return { kind: b % 2 ? 'close-session' : 'expire-session', ts, session };
  if (pick === 6) return { kind: 'noop', ts };
  if (pick < 12) return { kind: 'allocate', ...on, amount: a, burst: b };
  if (pick < 14) return { kind: 'revoke', ...on, amount: a, burst: b };
  if (pick < 16) return { kind: 'ack', ...on };
  const sequence = (ledger.sessions.get(session)?.sequence ?? 0) + 1 - Math.min(wrong, 2);
  const window = share && 'window' in share ? share.window : 0;
  const item = { resource, window, used: a % 7, returned: b % 5 };
  return { kind: 'report', ts, session, sequence: Math.max(0, sequence), items: [item] };
}
