import type { Command } from '../../../../src/core/quota/command.ts';
import type { CountBook } from '../../../../src/core/quota/count-book.ts';
import { Ledger } from '../../../../src/core/quota/ledger.ts';
import type { Quota } from '../../../../src/core/quota/quota.ts';
import type { RateBook } from '../../../../src/core/quota/rate-book.ts';
import { Unit } from '../../../../src/core/rules/unit.ts';

export const COUNT: Quota = { kind: 'count', limit: 100, unit: Unit.SECOND };
export const RATE: Quota = { kind: 'rate', limit: 100, unit: Unit.SECOND, burst: 10 };
const TERM = 3;

/** A ledger with sessions 1 and 2, a count quota `c` and a rate quota `r`. */
export class LedgerBench {
  readonly ledger = new Ledger();
  ts = 10_000;
  constructor() {
    this.do({ kind: 'open-session', instance: 'a', incarnation: 5 });
    this.do({ kind: 'open-session', instance: 'b', incarnation: 1 });
    this.do({ kind: 'set-quota', resource: 'c', quota: COUNT });
    this.do({ kind: 'set-quota', resource: 'r', quota: RATE });
  }
  do(command: Timeless): string {
    const outcome = this.ledger.apply({ ts: this.ts, ...command }, TERM);
    if (outcome.kind === 'refused') return outcome.reason;
    if (outcome.kind === 'shared') return `shared ${outcome.amount}`;
    if (outcome.kind === 'opened') return `opened ${outcome.session}`;
    return outcome.kind === 'reported' ? `reported ${outcome.excess}` : 'done';
  }
  allocate(resource: string, session: number, amount: number, burst = 0): string {
    return this.do({ kind: 'allocate', ...this.at(resource, session), amount, burst });
  }
  revoke(session: number, amount: number, burst: number): string {
    return this.do({ kind: 'revoke', ...this.at('r', session), amount, burst });
  }
  ack(session: number): string {
    return this.do({ kind: 'ack', ...this.at('r', session) });
  }
  report(session: number, used: number, returned: number, window = this.count.window): string {
    const sequence = (this.ledger.sessions.get(session)?.sequence ?? 0) + 1;
    const items = [{ resource: 'c', window, used, returned }];
    return this.do({ kind: 'report', session, sequence, items });
  }
  at(resource: string, session: number) {
    const generation = this.ledger.books.get(resource)?.shares.get(session)?.generation ?? 0;
    return { resource, session, generation };
  }
  get count(): CountBook {
    return this.ledger.books.get('c') as CountBook;
  }
  get rate(): RateBook {
    return this.ledger.books.get('r') as RateBook;
  }
}
/** A command but for its time, which is the bench's. */
export type Timeless = Command extends infer One
  ? One extends Command
    ? Omit<One, 'ts'>
    : never
  : never;
