/**
 * A batch on its way through a cluster: its groups in parts by bin, the parts by node, and what came
 * back. A part that a node sends elsewhere follows, as long as its caller waits: it was not made. A
 * part that failed in any other way has failed, since it may have been made.
 *
 * A slot that is being moved has some keys here and some there, and a call of several keys is then
 * refused by both (TRYAGAIN). So the part's counters go on their own: of a single key one of the two
 * nodes always takes the call. They have no number in the client's sequence then, and what depends on
 * one another is reserved and given back as it is between bins. A request with an id has a second key:
 * it waits for the slot to be in one place, and when half of its time is gone it does without the id.
 */
import type { MonotonicMs } from '../../../core/time.ts';
import {
  type Charge,
  type ChargeGroup,
  type ChargeListener,
  ChargePolicy,
  type StoreFailure,
} from '../../../limiter/counter-store.ts';
import type { GiveBack } from '../../split/give-back.ts';
import { chargesByPlace, type PartOf } from '../../split/part-group.ts';
import { settleParts } from '../../split/settle-parts.ts';
import { ANSWER_MS } from '../charge-queue.ts';
import type { HostPort } from '../redis-options.ts';
import type { Bins } from './bins.ts';
import type { ClusterNode } from './cluster-node.ts';
import { ClusterPart, chargesByCounter } from './cluster-part.ts';
import { type Redirection, redirectionOf } from './redirection.ts';

/** More, and the cluster does not agree with itself. */
export const REDIRECTIONS_MAX = 3;

const NO_OWNER: StoreFailure = {
  code: 'unavailable',
  text: 'redis cluster: no node is known to own the slot',
};
const UNSTEADY: StoreFailure = {
  code: 'unavailable',
  text: `redis cluster: sent on more than ${REDIRECTIONS_MAX} times`,
};
const TOO_LATE: StoreFailure = { code: 'timeout', text: 'redis cluster: not begun in time' };
const TOO_MANY: StoreFailure = {
  code: 'overloaded',
  text: 'redis cluster: too many requests wait for a node',
};

/** What a call needs of the cluster. */
export interface ClusterRoutes {
  readonly bins: Bins;
  now(): MonotonicMs;
  ownerOf(bin: number): ClusterNode | null;
  /** The node at the address, known before or not; null when there are too many. */
  nodeAt(address: HostPort): ClusterNode | null;
  /** The bin's slot is that node's now. */
  moved(bin: number, address: HostPort): void;
  redirected(kind: Redirection['kind']): void;
  /** Something speaks against the view that is held of the cluster. */
  doubt(): void;
  /** Calls again in a moment; false when too many parts wait already. */
  pause(parts: number, resume: () => void): boolean;
  giveBack(backs: readonly GiveBack<ClusterPart>[], startedAt: MonotonicMs): void;
  /** The call has come to its end. */
  ended(): void;
}

export class ClusterCall {
  readonly #cluster: ClusterRoutes;
  readonly #groups: readonly ChargeGroup[];
  readonly #listener: ChargeListener;
  readonly #startedAt: MonotonicMs;
  /** Of each group. */
  readonly #parts: ClusterPart[][];
  /** Parts that have not come to an end. */
  #open = 0;

  /** `latest`: nobody's deadline is after it. */
  constructor(
    cluster: ClusterRoutes,
    groups: readonly ChargeGroup[],
    listener: ChargeListener,
    latest: MonotonicMs,
  ) {
    this.#cluster = cluster;
    this.#groups = groups;
    this.#listener = listener;
    this.#startedAt = cluster.now();
    this.#parts = groups.map((group, index) => this.#split(group, index, latest));
  }

  #split(group: ChargeGroup, index: number, latest: MonotonicMs): ClusterPart[] {
    const { bins } = this.#cluster;
    const { policy, requestId, deadlineMs } = group;
    const until = deadlineMs > 0 && deadlineMs < latest ? deadlineMs : latest;
    const of: PartOf = { policy, requestId, deadlineMs: until };
    const places = chargesByPlace(group, bins.binOf);
    this.#open += places.length;
    return places.map(([bin, charges]) => {
      const route = bins.routes[bin] as ClusterPart['route'];
      return new ClusterPart(index, charges, { route, of });
    });
  }

  begin(): void {
    if (this.#open === 0) this.#finish();
    else this.#send(this.#parts.flat());
  }

  #send(parts: readonly ClusterPart[]): void {
    const now = this.#cluster.now();
    const byNode = new Map<ClusterNode, ClusterPart[]>();
    const early: ClusterPart[] = [];
    const ended: ClusterPart[] = [];
    for (const part of parts) {
      const node = part.target ?? this.#cluster.ownerOf(part.place);
      if (node === null) ended.push(fail(part, NO_OWNER));
      else if (node.isConnecting(now)) early.push(part);
      else {
        const its = byNode.get(node);
        if (its === undefined) byNode.set(node, [part]);
        else its.push(part);
      }
    }
    if (ended.length > 0) this.#cluster.doubt();
    this.#hold(early, ended);
    for (const [node, its] of byNode) {
      node.gate.charge(its, { settled: () => this.#settled(node, its) });
    }
    this.#end(ended.length);
  }

  /** Keeps the parts for a moment; those without time for it are added to `ended`. */
  #hold(parts: readonly ClusterPart[], ended: ClusterPart[]): void {
    if (parts.length === 0) return;
    const now = this.#cluster.now();
    const inTime = parts.filter(({ deadlineMs }) => now < deadlineMs - ANSWER_MS);
    for (const part of parts) if (!inTime.includes(part)) ended.push(fail(part, TOO_LATE));
    if (inTime.length === 0) return;
    if (this.#cluster.pause(inTime.length, () => this.#send(inTime))) return;
    for (const part of inTime) ended.push(fail(part, TOO_MANY));
  }

  #settled(node: ClusterNode, parts: readonly ClusterPart[]): void {
    const again: ClusterPart[] = [];
    const later: ClusterPart[] = [];
    const ended: ClusterPart[] = [];
    for (const part of parts) {
      const { failure } = part;
      const redirection = failure === null ? null : redirectionOf(failure, node.host);
      if (redirection !== null) this.#redirect(part, redirection, { again, later, ended });
      else {
        if (failure !== null && failure.code !== 'refused') this.#cluster.doubt();
        ended.push(part);
      }
    }
    this.#hold(later, ended);
    if (again.length > 0) this.#send(again);
    this.#end(ended.length);
  }

  #redirect(part: ClusterPart, to: Redirection, { again, later, ended }: Ways): void {
    this.#cluster.redirected(to.kind);
    part.target = null;
    if (to.kind === 'try-again') {
      part.redirections = 0;
      part.route = this.#routeOf(part, false);
      if (this.#mayWait(part)) later.push(part);
      else again.push(...this.#apart(part));
      return;
    }
    part.redirections += 1;
    if (part.redirections > REDIRECTIONS_MAX) {
      this.#cluster.doubt();
      ended.push(fail(part, UNSTEADY));
      return;
    }
    if (to.kind === 'moved') this.#cluster.moved(part.place, to.address);
    else {
      part.target = this.#cluster.nodeAt(to.address);
      part.target?.noteAsked(this.#cluster.now());
    }
    part.route = this.#routeOf(part, to.kind === 'ask');
    again.push(part);
  }

  /** An id is given up when half of the caller's time is gone, but for what must not do without. */
  #mayWait({ requestId, policy, deadlineMs }: ClusterPart): boolean {
    if (requestId === '') return false;
    if (policy === ChargePolicy.GIVE_BACK) return true;
    return this.#cluster.now() < (this.#startedAt + deadlineMs) / 2;
  }

  #routeOf(part: ClusterPart, isAsking: boolean): ClusterPart['route'] {
    const { bins } = this.#cluster;
    if (part.isAlone) return bins.routeAlone(part.place, isAsking);
    const routes = isAsking ? bins.askingRoutes : bins.routes;
    return routes[part.place] as ClusterPart['route'];
  }

  /** In place of the part one for each of its counters. */
  #apart(part: ClusterPart): ClusterPart[] {
    const alone = chargesByCounter(part.charges).map((charges: readonly Charge[]) => {
      const route = this.#cluster.bins.routeAlone(part.place, false);
      const of = { policy: part.policy, deadlineMs: part.deadlineMs, requestId: '' };
      return new ClusterPart(part.group, charges, { route, of });
    });
    const siblings = this.#parts[part.group] as ClusterPart[];
    siblings.splice(siblings.indexOf(part), 1, ...alone);
    this.#open += alone.length - 1;
    return alone;
  }

  #end(parts: number): void {
    if (parts === 0) return;
    this.#open -= parts;
    if (this.#open === 0) this.#finish();
  }

  #finish(): void {
    for (const [index, group] of this.#groups.entries()) {
      const parts = this.#parts[index] as ClusterPart[];
      if (parts.length === 0) continue;
      const backs = settleParts(group, parts);
      if (backs.length > 0) this.#cluster.giveBack(backs, this.#startedAt);
    }
    this.#cluster.ended();
    this.#listener.settled(this.#groups);
  }
}

/** What becomes of parts that a node answered. */
interface Ways {
  readonly again: ClusterPart[];
  readonly later: ClusterPart[];
  readonly ended: ClusterPart[];
}

function fail(part: ClusterPart, failure: StoreFailure): ClusterPart {
  part.failure = failure;
  return part;
}
