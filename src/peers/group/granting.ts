/**
 * The leader's side at work: a grantor for each term that this voter leads, from when its ledger holds all
 * that earlier leaders committed. Requests are answered after what they asked for is applied, or after
 * a bound by what the ledger says then: an answer is right at any time.
 */
import { status } from '@grpc/grpc-js';
import type { Command, SessionId } from '../../core/quota/command.ts';
import { Grantor } from '../../core/quota/grantor.ts';
import type { LeaseRequest } from '../../core/quota/message.ts';
import type { QuotaOptions } from '../../core/quota/options.ts';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import { type Clocks, momentOf } from '../clocks.ts';
import type { LeaseReply, NotLeader } from '../messages/lease-messages.ts';
import { PeerCallError } from '../transport/voter-channel.ts';
import type { GroupEvent } from './group-event.ts';
import type { PeerCounts } from './peer-counts.ts';
import type { Voter } from './voter.ts';

/** Requests that wait for their commands: each replica of the largest fleet one. */
const WAITING_MAX = 1024;
/** What time alone brings about is looked at so often. */
const TICK_MS = 200;
/** A new session first opens, then names its quotas, then gets shares: so many rounds in one request. */
const ROUNDS_MAX = 3;

export interface GrantingParts {
  readonly options: QuotaOptions;
  readonly voter: Voter;
  /** The instance that is this replica's as a holder. */
  readonly own: string;
  readonly clocks: Clocks;
  readonly counts: PeerCounts;
  /** A clock that is far off grants nothing. */
  readonly isFenced: () => boolean;
  readonly onEvent: (event: GroupEvent) => void;
}

export class Granting {
  readonly #parts: GrantingParts;
  /** Long enough for a commit on a busy disk, short enough that the holder asks no second time. */
  readonly #waitMs: DurationMs;
  #grantor: Grantor | null = null;
  #term = 0;
  #waiting = 0;
  /** Sessions whose end is proposed. */
  readonly #ending = new Set<SessionId>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: GrantingParts) {
    this.#parts = parts;
    this.#waitMs = parts.options.retryMs * 0.8;
  }

  /** It answers requests. */
  get isGranting(): boolean {
    return this.#grantor !== null && !this.#parts.isFenced();
  }

  /** Until when each session may be spending; empty unless it leads. For metrics and the admin API. */
  promises(): ReadonlyMap<number, MonotonicMs> {
    const { voter, clocks } = this.#parts;
    const grantor = this.#grantor;
    if (grantor === null) return new Map();
    const now = clocks.monotonic();
    return new Map(
      [...voter.ledger.sessions.keys()].map((id) => [id, grantor.promisedUntil(id, now)]),
    );
  }

  /** After each step of the voter. */
  update(): void {
    const { options, voter, own, clocks } = this.#parts;
    const { term, leading } = voter.status;
    if (leading === null || !leading.isReady || voter.failure !== null) {
      this.close();
      return;
    }
    if (this.#grantor !== null && this.#term === term) return;
    this.#term = term;
    this.#grantor = new Grantor(options, voter.ledger, {
      term,
      electedAt: leading.electedAt,
      since: momentOf(clocks),
      own,
    });
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Rejects with a PeerCallError when there are too many at once. */
  async serve(request: LeaseRequest): Promise<LeaseReply> {
    const grantor = this.#grantor;
    if (grantor === null || !this.isGranting) return this.#notLeader();
    if (this.#waiting >= WAITING_MAX) {
      throw new PeerCallError(status.RESOURCE_EXHAUSTED, `${WAITING_MAX} requests are at work`);
    }
    this.#waiting += 1;
    try {
      await this.#provide(grantor, request);
    } finally {
      this.#waiting -= 1;
    }
    if (this.#grantor !== grantor || !this.isGranting) return this.#notLeader();
    const { voter, clocks } = this.#parts;
    const moment = momentOf(clocks);
    const { leading } = voter.status;
    const isAlone = leading?.followers.length === 0;
    return grantor.answer(request, moment, isAlone ? Infinity : (leading?.confirmedAt ?? null));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#grantor = null;
  }

  async #provide(grantor: Grantor, request: LeaseRequest): Promise<void> {
    const { clocks } = this.#parts;
    const giveUpAt = clocks.monotonic() + this.#waitMs;
    for (let round = 1; round <= ROUNDS_MAX; round++) {
      const commands = grantor.receive(request, momentOf(clocks));
      if (commands.length === 0) return;
      const isApplied = await this.#apply(commands, giveUpAt - clocks.monotonic());
      // What only prepares lets the same request get more; what gives must not be done twice.
      if (!isApplied || this.#grantor !== grantor || !commands.every(isPreparing)) return;
    }
  }

  async #apply(commands: readonly Command[], withinMs: DurationMs): Promise<boolean> {
    const { voter, counts } = this.#parts;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(
        () => {
          counts.proposals.late += 1;
          resolve(false);
        },
        Math.max(0, withinMs),
      ).unref();
    });
    const isApplied = await Promise.race([voter.propose(commands), late]);
    clearTimeout(timer);
    return isApplied;
  }

  #tick(): void {
    const { clocks, isFenced } = this.#parts;
    if (this.#grantor === null || isFenced()) return;
    const commands = this.#grantor.tick(momentOf(clocks));
    if (commands.length > 0) void this.#proposeTick(commands);
  }

  /** Tells, once each, of the sessions that were ended because they were renewed no more. */
  async #proposeTick(commands: readonly Command[]): Promise<void> {
    const { voter, onEvent } = this.#parts;
    const term = this.#term;
    const expired = commands.flatMap((command) => {
      if (command.kind !== 'expire-session' || this.#ending.has(command.session)) return [];
      const { session } = command;
      const instance = voter.ledger.sessions.get(session)?.instance ?? '';
      return [{ kind: 'session-expired', instance, session, term } as const];
    });
    for (const { session } of expired) this.#ending.add(session);
    const isApplied = await voter.propose(commands);
    for (const event of expired) {
      this.#ending.delete(event.session);
      if (isApplied) onEvent(event);
    }
  }

  #notLeader(): NotLeader {
    const { status: known, failure } = this.#parts.voter;
    // Who cannot grant yet, or any more, is not one to ask; who has failed knows nothing new.
    const isKnown = failure === null && known.leader !== known.id;
    return { kind: 'not-leader', leader: isKnown ? known.leader : null };
  }
}

function isPreparing({ kind }: Command): boolean {
  return kind === 'open-session' || kind === 'set-quota';
}
