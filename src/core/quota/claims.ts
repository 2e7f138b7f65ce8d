/** What live sessions want, as they said last. Only the leader knows it, and a new one hears it anew. */
import { SHARES_PER_SESSION_MAX } from './bounds.ts';
import type { SessionId } from './command.ts';
import type { LeaseRequest } from './message.ts';
import { isSameQuota, type Quota } from './quota.ts';

/** One session's claim on one resource. */
export interface ResourceClaim {
  readonly session: SessionId;
  /** 0 for an idle one. */
  readonly perSecond: number;
  readonly weight: number;
}

/** What is asked for every want of every request is counted as claims come and go. */
interface ResourceClaims {
  readonly said: Map<SessionId, Said>;
  /** Those that want some now. */
  wanters: number;
}

interface Said {
  readonly perSecond: number;
  readonly quota: Quota;
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
    for (const { resource, quota, perSecond } of wants.slice(0, SHARES_PER_SESSION_MAX)) {
      if (resources.has(resource)) continue;
      resources.add(resource);
      this.#add(resource, session, { quota, perSecond: perSecond > 0 ? perSecond : 0 });
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
    const claims = [...(this.#byResource.get(resource)?.said ?? [])];
    return claims
      .sort(([a], [b]) => a - b)
      .map(([session, { perSecond }]) => {
        const { weight } = this.#bySession.get(session) as SessionClaims;
        return { session, weight, perSecond };
      });
  }

  /** How many track it, idle ones among them. */
  claimantsOf(resource: string): number {
    return this.#byResource.get(resource)?.said.size ?? 0;
  }

  /** How many want some of it; at least 1, the one who asks. */
  wantersOf(resource: string): number {
    return Math.max(1, this.#byResource.get(resource)?.wanters ?? 0);
  }

  /**
   * What more than half of those that claim it say that the quota is; null when no quota has so many. So a limit
   * changes once while replicas load a new file one after the other, and one that differs changes nothing.
   */
  quotaOf(resource: string): Quota | null {
    const said = [...(this.#byResource.get(resource)?.said.values() ?? [])];
    // Only what is said by many can have the majority of every prefix, or be what is left at the end.
    let candidate: Quota | null = null;
    let lead = 0;
    for (const { quota } of said) {
      if (lead === 0) candidate = quota;
      lead += candidate !== null && isSameQuota(candidate, quota) ? 1 : -1;
    }
    const found = candidate;
    if (found === null) return null;
    return said.filter(({ quota }) => isSameQuota(found, quota)).length * 2 > said.length
      ? found
      : null;
  }

  /** Whether the session has said what it wants. */
  isKnown(session: SessionId): boolean {
    return this.#bySession.has(session);
  }

  /** Forgets those that the ledger does not have any more. */
  keepOnly(sessions: ReadonlyMap<SessionId, unknown>): void {
    for (const session of this.#bySession.keys()) if (!sessions.has(session)) this.drop(session);
  }

  #add(resource: string, session: SessionId, said: Said): void {
    const claims = this.#byResource.get(resource) ?? { said: new Map(), wanters: 0 };
    this.#byResource.set(resource, claims);
    claims.said.set(session, said);
    if (said.perSecond > 0) claims.wanters += 1;
  }

  #remove(resource: string, session: SessionId): void {
    const claims = this.#byResource.get(resource) as ResourceClaims;
    if ((claims.said.get(session) as Said).perSecond > 0) claims.wanters -= 1;
    claims.said.delete(session);
    if (claims.said.size === 0) this.#byResource.delete(resource);
  }
}
