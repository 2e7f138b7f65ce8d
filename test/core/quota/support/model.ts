/**
 * Holders, leaders and a bad network in one thread and true time: drifting clocks, messages that are lost,
 * late and repeated, leaders that are deposed without knowing it, processes that stop, sleep, crash and leave.
 * After every step of STEP_MS the invariants are checked. A seed says all that happens.
 */
import { Holder } from '../../../../src/core/quota/holder.ts';
import type {
  LeaseAnswer,
  LeaseRefusal,
  LeaseRequest,
} from '../../../../src/core/quota/message.ts';
import {
  QUOTA_DEFAULTS,
  type QuotaFault,
  type QuotaOptions,
} from '../../../../src/core/quota/options.ts';
import type { Quota } from '../../../../src/core/quota/quota.ts';
import { SpendResult } from '../../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../../src/core/rules/unit.ts';
import { DriftingClock } from './drifting-clock.ts';
import { ModelChecks, type Watched } from './model-checks.ts';
import { type Leader, ModelLog, type Voter } from './model-log.ts';
import { Random } from './random.ts';

const STEP_MS = 20;
const HEARTBEAT_MS = 100;
const HOLDERS = 4;
const VOTERS = 3;

export const QUOTAS: ReadonlyMap<string, Quota> = new Map<string, Quota>([
  ['second', { kind: 'count', limit: 400, unit: Unit.SECOND }],
  ['minute', { kind: 'count', limit: 3000, unit: Unit.MINUTE }],
  ['rate', { kind: 'rate', limit: 100, unit: Unit.SECOND, burst: 30 }],
  ['few', { kind: 'rate', limit: 3, unit: Unit.SECOND, burst: 3 }],
]);

export interface ModelOptions {
  readonly seed: number;
  readonly faults?: readonly QuotaFault[];
}

interface Post {
  readonly at: number;
  readonly deliver: () => void;
}

class ModelHolder implements Watched {
  readonly node: number;
  readonly clock: DriftingClock;
  holder: Holder;
  incarnation = 1;
  /** True time until which it does nothing. */
  stalledUntil = 0;
  isAsleep = false;
  cutOffUntil = 0;
  answeredSentAt = -Infinity;
  /** Request id → true time of its sending. */
  readonly sentAt = new Map<number, number>();
  /** On the deposed leader's side of a split, while that one believes to lead. */
  misledBy: Leader | null = null;
  /** Hits a second that are asked for, per resource. */
  readonly wants = new Map<string, number>();

  constructor(node: number, clock: DriftingClock, options: QuotaOptions) {
    this.node = node;
    this.clock = clock;
    this.holder = new Holder(options, `h${node}`, this.incarnation);
  }
}

export class Model {
  readonly options: QuotaOptions;
  readonly random: Random;
  readonly log: ModelLog;
  readonly checks: ModelChecks;
  readonly holders: ModelHolder[];
  readonly #voters: Voter[];
  #leaders: Leader[] = [];
  #posts: Post[] = [];
  #nextElectionAt = 0;
  #isHealed = false;
  now = 0;

  constructor({ seed, faults = [] }: ModelOptions) {
    this.options = { ...QUOTA_DEFAULTS, faults: new Set(faults) };
    this.random = new Random(seed);
    this.log = new ModelLog(this.options);
    this.checks = new ModelChecks(this.options, QUOTAS, this.log.truth);
    this.#voters = Array.from({ length: VOTERS }, (_, id) => ({
      id,
      clock: this.#clock(),
      stalledUntil: 0,
    }));
    this.holders = Array.from(
      { length: HOLDERS },
      (_, node) => new ModelHolder(node, this.#clock(), this.options),
    );
    for (const one of this.holders) this.#begin(one);
    this.#elect();
  }

  run(durationMs: number): void {
    for (const end = this.now + durationMs; this.now < end; this.now += STEP_MS) this.#step();
  }

  /** No more faults; what is wrong now heals, and everybody wants more than there is. */
  heal(): void {
    this.#isHealed = true;
    for (const one of this.holders) {
      for (const resource of QUOTAS.keys()) one.wants.set(resource, 200);
      one.cutOffUntil = 0;
      one.stalledUntil = Math.min(one.stalledUntil, this.now);
    }
    this.#leaders = this.#leaders.filter((leader) => leader === this.log.leader);
    for (const voter of this.#voters) {
      voter.stalledUntil = Math.min(voter.stalledUntil, this.now);
      voter.clock.wake(this.now);
    }
  }

  #step(): void {
    if (!this.#isHealed) this.#disturb();
    this.#deliver();
    this.#lead();
    for (const one of this.holders) this.#stepHolder(one);
    this.checks.check(this.holders, this.now, this.log.excess);
  }

  #clock(): DriftingClock {
    const { drift } = this.options;
    const rate = 1 + this.random.pick([-drift, -drift, 0, drift, drift]);
    return new DriftingClock(rate, this.random.between(0, 1e6), this.random.between(-300, 300));
  }

  #begin(one: ModelHolder): void {
    for (const [resource, quota] of QUOTAS) {
      one.holder.track(resource, quota, one.clock.at(this.now).at);
      one.wants.set(resource, this.#isHealed ? 200 : this.random.pick([0, 1, 20, 200]));
    }
  }

  #elect(): void {
    const old = this.log.leader;
    if (old) old.believesUntil = this.now + this.random.pick([0, 100, 2000, 15_000]);
    for (const one of this.holders) one.misledBy = this.random.isTrue(0.3) ? old : null;
    const kept = this.random.between(0, old?.underWay.length ?? 0);
    this.#leaders.push(this.log.elect(this.random.pick(this.#voters), this.now, kept));
    const term = this.random.pick([500, 3000, 12_000, 25_000]);
    this.#nextElectionAt = this.now + term;
  }

  #disturb(): void {
    const { random, now } = this;
    if (now >= this.#nextElectionAt) this.#elect();
    for (const one of this.holders) {
      if (random.isTrue(0.002))
        one.wants.set(random.pick([...QUOTAS.keys()]), random.pick([0, 1, 20, 200]));
      if (random.isTrue(0.0005)) one.cutOffUntil = now + random.pick([1000, 5000, 13_000]);
      if (now < one.stalledUntil) continue;
      const chance = random.next();
      if (chance < 0.0004) one.stalledUntil = now + random.pick([300, 4000, 12_000]);
      else if (chance < 0.0006) this.#sleep(one, random.pick([200, 3000, 12_000]));
      else if (chance < 0.0007) one.clock.setWall(random.pick([-2000, -400, 400, 2000]));
      else if (chance < 0.0008) this.#restart(one);
      else if (chance < 0.0009) one.holder.leave();
    }
    for (const voter of this.#voters) {
      if (now < voter.stalledUntil || !random.isTrue(0.0004)) continue;
      voter.stalledUntil = now + random.pick([300, 3000, 9000]);
      if (random.isTrue(0.5)) continue;
      voter.clock.sleep(now);
      this.#post(voter.stalledUntil - now, () => voter.clock.wake(this.now));
    }
  }

  #sleep(one: ModelHolder, forMs: number): void {
    one.stalledUntil = this.now + forMs;
    one.isAsleep = true;
    one.clock.sleep(this.now);
  }

  /** A process that died and one that takes its place. */
  #restart(one: ModelHolder): void {
    one.incarnation += 1;
    one.holder = new Holder(this.options, `h${one.node}`, one.incarnation);
    one.sentAt.clear();
    one.answeredSentAt = -Infinity;
    this.#begin(one);
  }

  #stepHolder(one: ModelHolder): void {
    if (this.now < one.stalledUntil) return;
    if (one.isAsleep) {
      one.isAsleep = false;
      one.clock.wake(this.now);
    }
    const { at, wall } = one.clock.at(this.now);
    // It spends first: a process that was stopped does not know it.
    for (const [resource, perSecond] of one.wants) this.#spend(one, resource, perSecond);
    if (one.holder.hasLeft) this.#restart(one);
    if (at < one.holder.nextRequestAt) return;
    const request = one.holder.request(at, wall, 1);
    one.sentAt.set(request.id, this.now);
    const leader = this.#believedLeader(one);
    const { holder } = one;
    this.#send(one, () => this.#serve(leader, request, one, holder));
  }

  #spend(one: ModelHolder, resource: string, perSecond: number): void {
    const expected = (perSecond * STEP_MS) / 1000;
    const whole = Math.floor(expected);
    const count = whole + (this.random.isTrue(expected - whole) ? 1 : 0);
    for (let left = count; left > 0; ) {
      const hits = Math.min(left, this.random.pick([1, 1, 1, 3]));
      left -= hits;
      const { at, wall } = one.clock.at(this.now);
      const result = one.holder.spend(resource, hits, at, wall);
      if (result === SpendResult.UNKNOWN) one.holder.track(resource, QUOTAS.get(resource)!, at);
      if (result !== SpendResult.ADMITTED) continue;
      this.checks.recordAdmitted(resource, hits, one, this.now);
      if (this.random.isTrue(0.1)) this.#unspend(one, resource);
    }
  }

  /** A caller gives back, perhaps more than was ever admitted. */
  #unspend(one: ModelHolder, resource: string): void {
    const { at, wall } = one.clock.at(this.now);
    const share = one.holder.shareOf(resource, at, wall);
    if (share === null) return;
    const back = share.unspend(this.random.pick([1, 2, 9, 50]), at);
    this.checks.recordTakenBack(resource, back, one, this.now);
  }

  #believedLeader({ misledBy }: ModelHolder): Leader {
    if (misledBy !== null && this.#leaders.includes(misledBy)) return misledBy;
    return this.random.isTrue(0.1) ? this.random.pick(this.#leaders) : this.log.leader!;
  }

  #serve(leader: Leader, request: LeaseRequest, from: ModelHolder, holder: Holder): void {
    if (!this.#leaders.includes(leader)) return;
    if (this.now < leader.voter.stalledUntil) {
      this.#post(leader.voter.stalledUntil - this.now, () =>
        this.#serve(leader, request, from, holder),
      );
      return;
    }
    this.#propose(leader, leader.grantor.receive(request, leader.voter.clock.at(this.now)));
    this.#post(this.random.pick([0, 5, 30]), () => {
      if (this.now < leader.voter.stalledUntil) return;
      const answer = leader.grantor.answer(
        request,
        leader.voter.clock.at(this.now),
        leader.confirmedAt,
      );
      this.#send(from, () => this.#answered(from, holder, answer));
    });
  }

  #answered(one: ModelHolder, holder: Holder, answer: LeaseAnswer | LeaseRefusal): void {
    if (one.holder !== holder) return;
    if (this.now < one.stalledUntil) {
      this.#post(one.stalledUntil - this.now + STEP_MS, () => this.#answered(one, holder, answer));
      return;
    }
    const { at, wall } = one.clock.at(this.now);
    if (holder.receive(answer, at, wall) !== 'taken') return;
    one.answeredSentAt = Math.max(one.answeredSentAt, one.sentAt.get(answer.id)!);
  }

  #lead(): void {
    const { now } = this;
    this.#leaders = this.#leaders.filter((leader) => now < leader.believesUntil);
    for (const leader of this.#leaders) {
      if (now < leader.voter.stalledUntil) continue;
      this.#propose(leader, leader.grantor.tick(leader.voter.clock.at(now)));
      if (leader !== this.log.leader || now % HEARTBEAT_MS !== 0) continue;
      const begunAt = leader.voter.clock.at(now).at;
      // The followers answered now; when the leader hears of it is another matter.
      this.#post(this.#delay(), () => {
        leader.confirmedAt = Math.max(leader.confirmedAt ?? -Infinity, begunAt);
      });
    }
  }

  #propose(leader: Leader, commands: readonly Parameters<Leader['ledger']['apply']>[0][]): void {
    if (leader !== this.log.leader) return;
    for (const command of commands) {
      leader.underWay.push(command);
      this.#post(this.random.pick([1, 3, 10]), () => this.log.commitNext(leader));
    }
  }

  #delay(): number {
    return this.random.isTrue(0.03) ? this.random.between(100, 4000) : this.random.between(0, 4);
  }

  #send(one: ModelHolder, deliver: () => void): void {
    if (this.now < one.cutOffUntil || this.random.isTrue(0.03)) return;
    this.#post(this.#delay(), deliver);
    if (this.random.isTrue(0.05)) this.#post(this.#delay() + this.random.between(0, 3000), deliver);
  }

  #post(delayMs: number, deliver: () => void): void {
    this.#posts.push({ at: this.now + delayMs, deliver });
  }

  /** What is due, and what becomes due by it, in the order of time. */
  #deliver(): void {
    for (;;) {
      const due = this.#posts.filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at);
      if (due.length === 0) return;
      this.#posts = this.#posts.filter(({ at }) => at > this.now);
      for (const { deliver } of due) deliver();
    }
  }
}
