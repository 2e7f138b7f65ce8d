/**
 * What is known of a primary behind Sentinels, and what follows from it. No connections here.
 *
 * Sentinels name a new primary some 0.7 s after it was promoted. So the servers are asked for their
 * role too, and a replica that calls itself primary is taken for the new one, in two cases only:
 * a Sentinel says that it fails over, or the primary that is named does not answer as one.
 *
 * Two Sentinels may each promote a replica, by votes of two epochs; the higher one wins, and the other
 * replica calls itself primary for up to eight seconds more. So what speaks for a server is the
 * configuration of the highest epoch, a failover that began from it, and only then its own word; and that
 * not while it is stale: said when another one was named, and not taken back since.
 */
import type { MonotonicMs } from '../../core/time.ts';
import { addressText, type HostPort } from './redis-options.ts';

/** Replicas watched for their promotion: more are not asked. */
export const REPLICAS_MAX = 16;
/** So long the Sentinels must name another than the one in use, without a failover, to be believed. */
export const DISPUTED_MS = 3000;
/** The named primary has this long to answer a search before a promoted replica goes first. */
export const PRIMARY_ANSWERS_WITHIN_MS = 150;

/** What one Sentinel says. */
export interface Naming {
  /** Of a failover the replica that was promoted, as soon as the Sentinel has seen that it was. */
  readonly primary: HostPort;
  /** Counts up with each failover: the highest is the newest. */
  readonly epoch: number;
  /** A failover is under way, and has not made a primary yet. */
  readonly isFailingOver: boolean;
  /** The replica that it is going to be, once that is decided. */
  readonly promoting: HostPort | null;
  readonly replicas: readonly HostPort[];
}

/** What a server calls itself; `failed`: asked, and no answer. */
export type Role = 'primary' | 'replica' | 'failed';

export class SentinelView {
  readonly #namings = new Map<string, Naming>();
  readonly #roles = new Map<string, Role>();
  #searchedSince: MonotonicMs = 0;
  /** Known from a time when Sentinels answered; they may have gone down with the primary. */
  #last: Naming | null = null;
  /** Servers whose last word was that they are primary. */
  readonly #claims = new Set<string>();
  /** Those among them that another one was named in place of: may say so for seconds more. */
  readonly #stale = new Set<string>();
  #chosen: HostPort | null = null;
  /** Newest epoch when it was chosen. */
  #chosenEpoch = -1;
  /** When a Sentinel last named the chosen one, or was about to name another. */
  #agreedAt: MonotonicMs = 0;

  /** Null: the Sentinel does not answer any more. */
  note(sentinel: string, naming: Naming | null, now: MonotonicMs): void {
    if (naming === null) this.#namings.delete(sentinel);
    else this.#namings.set(sentinel, naming);
    if (!this.isDisputed) this.#agreedAt = now;
    const { newest } = this;
    if (newest === null) return;
    this.#supersede(newest);
    if (isSame(this.#chosen, newest.primary)) {
      this.#chosenEpoch = Math.max(this.#chosenEpoch, newest.epoch);
    }
    this.#last = newest;
  }

  /** Who calls itself primary when another one is named has to take it back before it is believed again. */
  #supersede({ primary }: Naming): void {
    const before = this.#last?.primary;
    if (before !== undefined && !isSame(before, primary)) {
      for (const server of this.#claims) this.#stale.add(server);
      this.#stale.add(addressText(before));
    }
    this.#stale.delete(addressText(primary));
    for (const server of this.#promoting) this.#stale.delete(server);
    const known = new Set(this.candidates.map(addressText));
    for (const servers of [this.#claims, this.#stale]) {
      for (const server of servers) if (!known.has(server)) servers.delete(server);
    }
  }

  noteRole(server: string, role: Role): void {
    this.#roles.set(server, role);
    if (role === 'primary') this.#claims.add(server);
    else if (role === 'replica') {
      this.#claims.delete(server);
      this.#stale.delete(server);
    }
  }

  /** What was answered before says nothing about now. */
  beginSearch(now: MonotonicMs): void {
    this.#searchedSince = now;
    this.forgetRoles();
  }

  forgetRoles(): void {
    this.#roles.clear();
  }

  /** Of the Sentinels that answer, the one that knows of the latest failover, and best of its end. */
  get newest(): Naming | null {
    let newest: Naming | null = null;
    for (const naming of this.#namings.values()) {
      if (newest === null || isNewer(naming, newest)) newest = naming;
    }
    return newest;
  }

  get isFailingOver(): boolean {
    return this.#failovers.length > 0;
  }

  /** Those from the newest configuration: a Sentinel that has not heard of it gets no votes any more. */
  get #failovers(): Naming[] {
    const { newest } = this;
    return [...this.#namings.values()].filter(
      ({ isFailingOver, epoch, primary }) =>
        isFailingOver && epoch === newest?.epoch && isSame(primary, newest.primary),
    );
  }

  /** Replicas that are to be the primary. */
  get #promoting(): Set<string> {
    const promoting = this.#failovers.map((naming) => naming.promoting);
    return new Set(promoting.filter((server) => server !== null).map(addressText));
  }

  /** Servers to ask for their role: the named primary first. */
  get candidates(): HostPort[] {
    const known = new Map<string, HostPort>();
    const namings = this.#namings.size > 0 ? [...this.#namings.values()] : [this.#last];
    for (const naming of namings) {
      if (naming !== null) known.set(addressText(naming.primary), naming.primary);
    }
    const max = known.size + REPLICAS_MAX;
    for (const replica of namings.flatMap((naming) => naming?.replicas ?? [])) {
      if (known.size < max) known.set(addressText(replica), replica);
    }
    return [...known.values()];
  }

  /** The primary by what is known now, or null when that does not decide it. */
  choose(now: MonotonicMs): HostPort | null {
    const naming = this.newest ?? this.#last;
    if (naming === null) return null;
    const named = naming.primary;
    const role = this.#roles.get(addressText(named));
    const promoted = this.#promoted(named);
    const isLate = now - this.#searchedSince >= PRIMARY_ANSWERS_WITHIN_MS;
    const kept = this.#kept(naming);
    if (kept !== null) {
      const keptRole = this.#roles.get(addressText(kept));
      if (keptRole === 'primary') return kept;
      if (keptRole === undefined && !isLate) return null;
    }
    if (this.isFailingOver) {
      if (promoted !== null) return promoted;
      const hasAnswered = (server: HostPort) => this.#roles.has(addressText(server));
      if (!isLate && !this.candidates.every(hasAnswered)) return null;
    }
    if (role === 'primary') return named;
    return role !== undefined || isLate ? promoted : null;
  }

  /** From now on this one counts, and only newer namings speak against it. */
  settle(chosen: HostPort, now: MonotonicMs): void {
    this.#chosen = chosen;
    this.#agreedAt = now;
    this.#chosenEpoch = this.newest?.epoch ?? this.#chosenEpoch;
  }

  /** The one in use counts no more, whatever the epochs say. */
  release(): void {
    this.#chosen = null;
    this.#chosenEpoch = -1;
  }

  /** No Sentinel names the one in use, and none fails over. */
  get isDisputed(): boolean {
    const namings = [...this.#namings.values()];
    const isAgainst = ({ primary }: Naming) => !isSame(this.#chosen, primary);
    const isKnown = this.#chosen !== null && namings.length > 0;
    return isKnown && namings.every(isAgainst) && !this.isFailingOver;
  }

  /**
   * Another primary than the one in use: named since by a newer epoch, or, where epochs began anew
   * with new Sentinels, by all of them for some time while it calls itself primary.
   */
  successor(now: MonotonicMs): HostPort | null {
    const { newest } = this;
    if (newest === null || newest.isFailingOver || isSame(this.#chosen, newest.primary))
      return null;
    if (newest.epoch > this.#chosenEpoch) return newest.primary;
    const isLong = this.isDisputed && now - this.#agreedAt >= DISPUTED_MS;
    const role = this.#roles.get(addressText(newest.primary));
    return isLong && role === 'primary' ? newest.primary : null;
  }

  /** Where to go from the one in use; null to stay. */
  other(now: MonotonicMs): HostPort | null {
    const other = this.successor(now) ?? (this.isFailingOver ? this.choose(now) : null);
    return other === null || isSame(this.#chosen, other) ? null : other;
  }

  /** For the operator. */
  roleText(server: HostPort): string {
    return this.#roles.get(addressText(server)) ?? 'no answer yet';
  }

  /**
   * The one in use, when it was promoted and the Sentinels have yet to name it: the one they name
   * may answer again, when it was only frozen.
   */
  #kept({ primary, epoch }: Naming): HostPort | null {
    if (this.#chosen === null || isSame(this.#chosen, primary)) return null;
    return epoch <= this.#chosenEpoch ? this.#chosen : null;
  }

  /**
   * The one replica that calls itself primary, or of those that a failover is to make primary the one
   * that does. Two of them are for the Sentinels to sort out.
   */
  #promoted(named: HostPort): HostPort | null {
    const meant = this.#promoting;
    const promoted = this.candidates.filter((server) => {
      const node = addressText(server);
      const isMeant = meant.size === 0 || meant.has(node);
      const isClaimed = this.#roles.get(node) === 'primary' && !this.#stale.has(node);
      return isClaimed && isMeant && !isSame(named, server);
    });
    return promoted.length === 1 ? (promoted[0] as HostPort) : null;
  }
}

/** A failover that has come to its end says more than one of the same epoch that has not. */
function isNewer(one: Naming, other: Naming): boolean {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch;
  return other.isFailingOver && !one.isFailingOver;
}

function isSame(one: HostPort | null, other: HostPort): boolean {
  return one !== null && one.host === other.host && one.port === other.port;
}
