/**
 * A replica's side: the real holder, requests that find the leader, and callers who want hits. Requests go to
 * the voter that is believed to lead; who does not answer twice is believed no more.
 */
import { Holder } from '../../src/core/quota/holder.ts';
import { SpendResult } from '../../src/core/quota/spend-result.ts';
import { Timer } from './event-queue.ts';
import type { Machine } from './machine.ts';
import { MEASURED_COUNT, MEASURED_RATE } from './scenario.ts';
import type { Stage } from './stage.ts';
import type { Reply } from './voter.ts';

/** Hits a second that are wanted of a resource; mostly little. */
const LEVELS = [0, 0, 0, 0.2, 2, 20, 200] as const;
/** Callers come in bunches, this far apart; denser where use is measured. */
const BUNCH_MS = 700;
const MEASURED_BUNCH_MS = 80;
/** Calls of one bunch for one resource; what is more comes as larger calls. */
const CALLS_MAX = 4;
/** Callers change their minds about one resource, once in so many bunches. */
const MIND_BUNCHES = 20;
/** A dense bunch wants this much more of a rate than an equal part. */
const GREED = 2;
const SENT_MAX = 16;
/** Unanswered requests until another voter is asked; some are stubborn. */
const PATIENCE = [1, 2, 2, 8, 30] as const;

export class Replica {
  readonly machine: Machine;
  readonly #stage: Stage;
  readonly #requests: Timer;
  holder: Holder | null = null;
  #incarnation = 0;
  #voter = 0;
  #unanswered = 0;
  #patience: number = PATIENCE[0];
  /** Request id → true time of its sending. */
  readonly #sentAt = new Map<number, number>();
  /** True time of the sending of the request whose answer was taken last. */
  answeredSentAt = -Infinity;
  /** True time at which its process began. */
  startedAt = 0;
  readonly #levels = new Map<string, number>();
  #workedAt = 0;
  /** Hits of the measured rate that were admitted. */
  measured = 0;

  constructor(stage: Stage, machine: Machine) {
    this.#stage = stage;
    this.machine = machine;
    this.#requests = new Timer(stage.queue, () => machine.run(() => this.#request()));
  }

  start(): void {
    const { workRandom, queue } = this.#stage;
    const { machine } = this;
    this.holder = new Holder(this.#stage.quotaOptions, machine.name, ++this.#incarnation);
    this.answeredSentAt = -Infinity;
    this.#sentAt.clear();
    this.#unanswered = 0;
    this.#patience = workRandom.pick(PATIENCE);
    this.startedAt = queue.now;
    this.#workedAt = queue.now;
    for (const [resource, quota] of this.#stage.quotas) {
      if (resource === MEASURED_COUNT || resource === MEASURED_RATE || workRandom.isTrue(0.8)) {
        this.holder.track(resource, quota, machine.moment.at);
        this.#levels.set(resource, workRandom.pick(LEVELS));
      } else this.#levels.delete(resource);
    }
    this.#arm();
    this.#workLater(this.holder);
  }

  stop(): void {
    this.holder = null;
    this.#requests.set(Infinity);
  }

  /** The rules say another limit. */
  retrack(resource: string): void {
    const { holder } = this;
    if (holder === null || !this.#levels.has(resource)) return;
    holder.track(resource, this.#stage.quotas.get(resource)!, this.machine.moment.at);
  }

  leave(): void {
    const { holder } = this;
    if (holder === null) return;
    holder.leave();
    // One that has no session has nothing to give back.
    if (holder.hasLeft) this.#stage.hasLeft(this);
    else this.#arm();
  }

  #arm(): void {
    const { holder } = this;
    if (holder !== null) this.#requests.set(this.machine.trueTimeOf(holder.nextRequestAt));
  }

  #request(): void {
    const { holder, machine } = this;
    if (holder === null) return;
    const { at, wall } = machine.moment;
    if (at < holder.nextRequestAt) {
      this.#arm();
      return;
    }
    if (this.#unanswered >= this.#patience) this.#ask(null);
    this.#unanswered += 1;
    const request = holder.request(at, wall, 1);
    this.#sentAt.set(request.id, this.#stage.queue.now);
    this.#sentAt.delete(request.id - SENT_MAX);
    this.#stage.sendRequest(machine, this.#voter, request, (reply) => this.#receive(holder, reply));
    this.#arm();
  }

  /** The next voter, or the one that it is told to ask. */
  #ask(to: string | null): void {
    const { voters } = this.#stage;
    const told = voters.findIndex(({ id }) => id === to);
    this.#voter = told >= 0 ? told : (this.#voter + 1) % voters.length;
    this.#unanswered = 0;
  }

  #receive(holder: Holder, reply: Reply): void {
    if (this.holder !== holder) return;
    if (reply.kind === 'not-leader') {
      this.#ask(reply.to);
      return;
    }
    this.#unanswered = 0;
    const { at, wall } = this.machine.moment;
    if (holder.receive(reply, at, wall) === 'taken') {
      this.answeredSentAt = Math.max(this.answeredSentAt, this.#sentAt.get(reply.id) ?? -Infinity);
    }
    this.#stage.leaseChecks.heard(this, holder);
    if (holder.hasLeft) this.#stage.hasLeft(this);
    else this.#arm();
  }

  #workLater(holder: Holder): void {
    const { queue, workRandom, isMeasured } = this.#stage;
    const mean = isMeasured ? MEASURED_BUNCH_MS : BUNCH_MS;
    queue.after(mean * (0.5 + workRandom.next()), () =>
      this.machine.run(() => {
        if (this.holder !== holder) return;
        this.#work(holder);
        this.#workLater(holder);
      }),
    );
  }

  #work(holder: Holder): void {
    const { queue, workRandom, isMeasured } = this.#stage;
    const elapsed = Math.min(queue.now - this.#workedAt, 2 * BUNCH_MS) / 1000;
    this.#workedAt = queue.now;
    if (workRandom.isTrue(1 / MIND_BUNCHES)) {
      const resource = workRandom.pick([...this.#levels.keys()]);
      this.#levels.set(resource, workRandom.pick(LEVELS));
    }
    for (const [resource, level] of this.#levels) {
      const isWanted = isMeasured && (resource === MEASURED_COUNT || resource === MEASURED_RATE);
      if (isWanted) this.#wantAll(holder, resource, elapsed);
      else if (level > 0) this.#wantSome(holder, resource, level * elapsed);
    }
    this.#arm();
  }

  #wantSome(holder: Holder, resource: string, expected: number): void {
    const { workRandom } = this.#stage;
    const whole = Math.floor(expected);
    const hits = whole + (workRandom.isTrue(expected - whole) ? 1 : 0);
    if (hits === 0) return;
    const calls = Math.min(hits, CALLS_MAX);
    const each = Math.floor(hits / calls);
    for (let i = 0; i < calls; i += 1) this.#spend(holder, resource, each);
  }

  /** More than an equal part of the limit, hit by hit. */
  #wantAll(holder: Holder, resource: string, elapsed: number): void {
    const { quotas, presentReplicas } = this.#stage;
    const { limit, kind } = quotas.get(resource)!;
    const perSecond = kind === 'rate' ? limit : limit / 20;
    const hits = Math.ceil((GREED * perSecond * elapsed) / Math.max(1, presentReplicas));
    for (let i = 0; i < hits; i += 1) this.#spend(holder, resource, 1);
  }

  #spend(holder: Holder, resource: string, hits: number): void {
    const { at, wall } = this.machine.moment;
    let result = holder.spend(resource, hits, at, wall);
    if (result === SpendResult.UNKNOWN) {
      // It was idle for so long that the holder forgot it.
      holder.track(resource, this.#stage.quotas.get(resource)!, at);
      result = holder.spend(resource, hits, at, wall);
    }
    if (result !== SpendResult.ADMITTED) return;
    if (resource === MEASURED_RATE) this.measured += hits;
    this.#stage.leaseChecks.admitted(this, holder, resource, hits);
  }
}
