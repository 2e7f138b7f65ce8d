/** A grantor and holders that talk without delay: what is said and done, step by step. */
import type { Command, Outcome } from '../../../../src/core/quota/command.ts';
import { Grantor } from '../../../../src/core/quota/grantor.ts';
import { Holder } from '../../../../src/core/quota/holder.ts';
import type { Moment } from '../../../../src/core/quota/lease-clock.ts';
import { Ledger } from '../../../../src/core/quota/ledger.ts';
import type {
  Grant,
  LeaseAnswer,
  LeaseRefusal,
  LeaseRequest,
} from '../../../../src/core/quota/message.ts';
import { QUOTA_DEFAULTS } from '../../../../src/core/quota/options.ts';
import type { Quota } from '../../../../src/core/quota/quota.ts';
import type { SpendResult } from '../../../../src/core/quota/spend-result.ts';

const EPOCH = 1_700_000_040_000;

export class Fleet {
  readonly ledger = new Ledger();
  now = 0;
  term = 1;
  grantor: Grantor;
  readonly holders = new Map<string, Holder>();
  /** What was proposed and applied, latest last. */
  readonly outcomes: { readonly command: Command; readonly outcome: Outcome }[] = [];

  /** `own`: which of them is at the leader. */
  constructor(own: string, ...others: string[]) {
    this.grantor = this.lead(own);
    for (const name of [own, ...others]) this.join(name);
  }
  get moment(): Moment {
    return { at: this.now, wall: EPOCH + this.now };
  }
  lead(own: string): Grantor {
    const { now: electedAt, term, moment: since } = this;
    this.grantor = new Grantor(QUOTA_DEFAULTS, this.ledger, { term, electedAt, since, own });
    return this.grantor;
  }
  join(name: string, incarnation = 1): Holder {
    const holder = new Holder(QUOTA_DEFAULTS, name, incarnation);
    this.holders.set(name, holder);
    this.refresh(name);
    return holder;
  }
  holder(name: string): Holder {
    return this.holders.get(name)!;
  }
  track(resource: string, quota: Quota, ...names: string[]): void {
    for (const name of names) this.holder(name).track(resource, quota, this.now);
  }
  apply(commands: readonly Command[]): void {
    for (const command of commands) {
      this.outcomes.push({ command, outcome: this.ledger.apply(command, this.term) });
    }
  }
  /** At once, and by the rules of all who hold it. */
  set(resource: string, quota: Quota): void {
    for (const holder of this.holders.values()) {
      if (holder.find(resource) !== undefined) holder.track(resource, quota, this.now);
    }
    this.apply([{ kind: 'set-quota', ts: this.moment.wall, resource, quota }]);
  }
  ask(name: string): LeaseRequest {
    const { at, wall } = this.moment;
    return this.holder(name).request(at, wall, 1);
  }
  answer(request: LeaseRequest, confirmedAt: number | null = Infinity): LeaseAnswer | LeaseRefusal {
    this.apply(this.grantor.receive(request, this.moment));
    return this.grantor.answer(request, this.moment, confirmedAt);
  }
  /** A request and its answer; gives what was granted. */
  refresh(name: string): readonly Grant[] {
    const answer = this.answer(this.ask(name));
    const { at, wall } = this.moment;
    this.holder(name).receive(answer, at, wall);
    return answer.kind === 'granted' ? answer.grants : [];
  }
  tick(): Command[] {
    const commands = this.grantor.tick(this.moment);
    this.apply(commands);
    return commands;
  }
  spend(name: string, resource: string, hits: number): SpendResult {
    const { at, wall } = this.moment;
    return this.holder(name).spend(resource, hits, at, wall);
  }
  /** How many of `hits` single hits are admitted. */
  spendEach(name: string, resource: string, hits: number): number {
    let admitted = 0;
    for (let at = 0; at < hits; at += 1) if (this.spend(name, resource, 1) === 0) admitted += 1;
    return admitted;
  }
  /** Time passes, each holder asks when it is due, the grantor ticks. */
  pass(ms: number, each?: () => void): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 50;
      this.tick();
      each?.();
      for (const [name, holder] of this.holders) {
        if (this.now >= holder.nextRequestAt) this.refresh(name);
      }
    }
  }
}
