/**
 * What the group that shares out global quotas reports of itself, as events. A split is what a voter sees of
 * it: with less than half of the others connected nobody on its side can be elected, or go on leading.
 */
import type { Audit } from '../core/events/event.ts';
import type { GroupEvent } from '../peers/group/group-event.ts';

export interface GroupAuditOptions {
  readonly audit: Audit;
  readonly nodeId: string;
  /** Voters in all, this replica among them or not. */
  readonly voters: number;
  /** It votes; who does not has no connections to lose. */
  readonly isVoter: boolean;
}

export class GroupAudit {
  readonly #options: GroupAuditOptions;
  readonly #connected = new Set<string>();
  #isLeader = false;
  #isSplit = false;
  /** It was with a majority before: until then it is only starting. */
  #hadMajority = false;
  #session = 0;

  constructor(options: GroupAuditOptions) {
    this.#options = options;
  }

  readonly note = (event: GroupEvent): void => {
    const { audit } = this.#options;
    switch (event.kind) {
      case 'role-changed':
        this.#role(event.role === 'leader', event.term, event.leader);
        return;
      case 'voter-failed':
        audit({ name: 'voter-failed', details: { error: event.error.message } });
        return;
      case 'peer-found':
        this.#connected.add(event.id);
        this.#count();
        return;
      case 'peer-lost':
        this.#connected.delete(event.id);
        this.#count();
        return;
      case 'diverged':
        audit({ name: 'ledgers-differ', details: { peer: event.id, index: event.index } });
        return;
      case 'clock': {
        const { id, state, skewMs } = event;
        const host = id ?? this.#options.nodeId;
        const details = { host, isOwn: id === null, state, skewMs: Math.round(skewMs) };
        audit({ name: 'clock-changed', details });
        return;
      }
      case 'session-expired': {
        const { instance, session, term } = event;
        audit({ name: 'session-expired', details: { instance, session }, term });
        return;
      }
      default:
    }
  };

  /** This replica's session as a holder now; 0: none. */
  session(session: number): void {
    if (session === this.#session) return;
    const { audit } = this.#options;
    if (this.#session !== 0) audit({ name: 'session-lost', details: { session: this.#session } });
    this.#session = session;
    if (session !== 0) audit({ name: 'session-opened', details: { session } });
  }

  /** Only the leader speaks for its term: what it says when it leads no more is its own. */
  #role(isLeader: boolean, term: number, leader: string | null): void {
    if (isLeader === this.#isLeader) return;
    this.#isLeader = isLeader;
    const { audit, nodeId } = this.#options;
    if (isLeader) audit({ name: 'leader-elected', details: { leader: nodeId }, term });
    else audit({ name: 'leader-lost', details: { term, successor: leader } });
  }

  #count(): void {
    const { audit, voters, isVoter } = this.#options;
    if (!isVoter) return;
    const reached = this.#connected.size + 1;
    const isMajority = reached * 2 > voters;
    const isSplit = this.#hadMajority && !isMajority;
    this.#hadMajority ||= isMajority;
    if (isSplit === this.#isSplit) return;
    this.#isSplit = isSplit;
    audit({ name: isSplit ? 'split-detected' : 'split-healed', details: { reached, voters } });
  }
}
