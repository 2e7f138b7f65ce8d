/** What live sessions want, as they said last. Only the leader knows it, and a new one hears it anew. */
import { SHARES_PER_SESSION_MAX } from './bounds.ts';
import type { SessionId } from './command.ts';
import type { LeaseRequest } from './message.ts';

/** One session's claim on one resource. */
export interface ResourceClaim {
  readonly session: SessionId;
  /** 0 for an idle one. */
  readonly perSecond: number;
  readonly weight: number;
}

/** What is asked for every want of every request is counted as claims come and go. */
interface ResourceClaims {
  readonly perSecond: Map<SessionId, number>;
  /** Those above 0. */
  wanters: number;
}

interface SessionClaims {
  readonly weight: number;
  readonly resources: ReadonlySet<string>;
}

export class Claims {
  readonly #bySession = new Map<SessionId, SessionClaims>();
  readonly #byResource = new Map<string, ResourceClaims>();

  /** All that the session wants from now on. */
  replace(session: SessionId, { wants, health }: LeaseRequest): void {
    this.drop(session);
    const resources = new Set<string>();
    for (const { resource, perSecond } of wants.slice(0, SHARES_PER_SESSION_MAX)) {
      if (resources.has(resource)) continue;
      resources.add(resource);
      this.#add(resource, session, perSecond > 0 ? perSecond : 0);
    }
    this.#bySession.set(session, { weight: health >= 0 ? Math.min(1, health) : 0, resources });
  }

  drop(session: SessionId): void {
    const claims = this.#bySession.get(session);
    if (claims === undefined) return;
    this.#bySession.delete(session);
    for (const resource of claims.resources) this.#remove(resource, session);
  }

  /** By session id, idle ones among them. */
  on(resource: string): ResourceClaim[] {
    const claims = [...(this.#byResource.get(resource)?.perSecond ?? [])];
    return claims
      .sort(([a], [b]) => a - b)
      .map(([session, perSecond]) => {
        const { weight } = this.#bySession.get(session) as SessionClaims;
        return { session, weight, perSecond };
      });
  }

  /** How many track it, idle ones among them. */
  claimantsOf(resource: string): number {
    return this.#byResource.get(resource)?.perSecond.size ?? 0;
  }

  /** How many want some of it; at least 1, the one who asks. */
  wantersOf(resource: string): number {
    return Math.max(1, this.#byResource.get(resource)?.wanters ?? 0);
  }

  /** Whether the session has said what it wants. */
  isKnown(session: SessionId): boolean {
    return this.#bySession.has(session);
  }

  /** Forgets those that the ledger does not have any more. */
  keepOnly(sessions: ReadonlyMap<SessionId, unknown>): void {
    for (const session of this.#bySession.keys()) if (!sessions.has(session)) this.drop(session);
  }

  #add(resource: string, session: SessionId, perSecond: number): void {
    const claims = this.#byResource.get(resource) ?? { perSecond: new Map(), wanters: 0 };
    this.#byResource.set(resource, claims);
    claims.perSecond.set(session, perSecond);
    if (perSecond > 0) claims.wanters += 1;
  }

  #remove(resource: string, session: SessionId): void {
    const claims = this.#byResource.get(resource) as ResourceClaims;
    if ((claims.perSecond.get(session) as number) > 0) claims.wanters -= 1;
    claims.perSecond.delete(session);
    if (claims.perSecond.size === 0) this.#byResource.delete(resource);
  }
}
