/**
 * A CounterStore that answers whatever the store behind it does: what that cannot serve is answered
 * by the failure mode of each charge, and says so. What local shares admitted is charged to the store
 * when it is back (ledger.ts), unless it turns out that it had been made after all.
 */
import { msUntilReset, Unit } from '../../core/rules/unit.ts';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import type { DegradedReason, FailureMode } from '../../core/verdict/failure-mode.ts';
import type {
  Charge,
  ChargeGroup,
  ChargeListener,
  CounterStore,
  PendingOutcome,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import { ownCharge, ownGroup } from '../groups.ts';
import { answerByShare, degrade, type LocalShare } from './degrade.ts';
import { Ledger, type LedgerEntry } from './ledger.ts';

export interface GuardOptions {
  readonly inner: CounterStore;
  readonly local: LocalShare;
  readonly monotonic: () => MonotonicMs;
  /** Counters whose local admissions are remembered. */
  readonly ledgerEntriesMax?: number;
}

const LEDGER_ENTRIES_MAX = 100_000;
/** Counters charged per replay: one call of the store each time, so that checks are not held up. */
const REPLAY_ENTRIES_MAX = 500;
/** After one that failed: where only part of the store is down, others succeed all the time. */
const REPLAY_PAUSE_MS = 100;
/**
 * A replay must be made so long before its window ends: a store knows its server's clock to within the
 * time that a call takes.
 */
const REPLAY_MARGIN_MS = 20;
/** While there is something to replay: with no call of others, nothing else tells that the store is back. */
const REPLAY_EVERY_MS = 500;
/** After one that was refused whole, as at maxmemory: it may be so for long. */
const REFUSED_PAUSE_MS = 1000;

export class GuardedCounterStore implements CounterStore {
  readonly immediate = false;
  readonly #options: GuardOptions;
  readonly #ledger: Ledger;
  #isReplaying = false;
  /** Asked for while one was under way. */
  #isReplayWanted = false;
  /** Runs while the ledger holds something. */
  #replayTimer: NodeJS.Timeout | null = null;
  /** Charges answered in place of the store, by mode and reason. */
  readonly degradedCounts = new Map<string, number>();
  replayedHits = 0;
  /** Hits of local admissions that the store had counted after all. */
  confirmedHits = 0;
  /** Hits of local admissions that the store may or may not have counted: not replayed. */
  unknownHits = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.ledgerEntriesMax ?? LEDGER_ENTRIES_MAX);
  }

  get name(): string {
    return this.#options.inner.name;
  }

  get isHealthy(): boolean {
    return this.#options.inner.isHealthy;
  }

  get ledgerEntries(): number {
    return this.#ledger.size;
  }

  /** Local admissions that will not be charged: no room, or their window ended first. */
  get lostHits(): number {
    return this.#ledger.droppedHits + this.#ledger.expiredHits;
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#options.inner.onHealth(listener);
  }

  async start(): Promise<void> {
    await this.#options.local.store.start();
    await this.#options.inner.start();
  }

  async close(): Promise<void> {
    this.#stopTimer();
    await this.#options.inner.close();
    await this.#options.local.store.close();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const asked = groups.some(isLocal) ? this.#answerLocals(groups) : groups;
    if (asked.length === 0) listener.settled(groups);
    else this.#options.inner.charge(asked, new GuardedCall(this, groups, listener));
  }

  /** Answers those that are not for the store, which is told nothing of them; returns the others. */
  #answerLocals(groups: readonly ChargeGroup[]): readonly ChargeGroup[] {
    for (const group of groups.filter(isLocal)) {
      answerByShare(group, this.#options.local);
      for (const _ of group.charges) this.#count('local', 'override');
    }
    return groups.filter((group) => !isLocal(group));
  }

  /** For GuardedCall: answers what failed. */
  settle(groups: readonly ChargeGroup[]): void {
    let isAnyServed = false;
    for (const group of groups) {
      if (group.failure === null) isAnyServed = true;
      else this.#degrade(group, group.failure);
    }
    if (isAnyServed) this.replaySoon();
  }

  /** Charges of other parts than those that failed have their readings. */
  #degrade(group: ChargeGroup, failure: StoreFailure): void {
    const parts = failure.parts ?? [group];
    const isAnswered = isWhole(group, parts)
      ? degrade(group, failure.code, this.#options.local)
      : parts.map((part) => this.#degradePart(part, failure)).every(Boolean);
    group.failure = isAnswered ? null : failure;
    for (const part of parts) {
      const its = part.failure ?? failure;
      for (const charge of part.charges) {
        this.#count(charge.failureMode, its.code);
        if (charge.failureMode === 'local' && !isRepeat(group, part)) this.#remember(charge, its);
      }
    }
  }

  #degradePart(part: ChargeGroup, failure: StoreFailure): boolean {
    return degrade(part, (part.failure ?? failure).code, this.#options.local);
  }

  #count(mode: FailureMode, reason: DegradedReason): void {
    const name = `${mode} ${reason}`;
    this.degradedCounts.set(name, (this.degradedCounts.get(name) ?? 0) + 1);
  }

  /** Only what was admitted. */
  #remember(charge: Charge, { outcome }: StoreFailure): void {
    const { key, unit, hits, isRefund, before, after, limit } = charge;
    // Nothing was counted of a peek, and of a group that was not charged because one of it was over.
    if (isRefund || after > limit || after === before || unit === Unit.UNKNOWN) return;
    // From one look at the clock: added to a reading's own time it would differ by a millisecond.
    const now = this.#options.local.now();
    const entry = { key, unit, hits, windowEnd: now + msUntilReset(unit, now) };
    if (outcome !== undefined) this.#findOut(entry, outcome);
    else this.#record(entry);
  }

  /** What the store certainly did not count is remembered, and nothing else. */
  #findOut(entry: LedgerEntry, outcome: PendingOutcome): void {
    outcome.onKnown((known) => {
      if (known === 'unknown') this.unknownHits += entry.hits;
      else if (known === 'made') this.confirmedHits += entry.hits;
      else {
        this.#record(entry);
        this.replaySoon();
      }
    });
  }

  #record(entry: LedgerEntry): void {
    this.#ledger.record(entry);
    this.#replayTimer ??= setInterval(() => this.replaySoon(), REPLAY_EVERY_MS).unref();
  }

  /** To be called when the store may have come back; it is noticed by any success, too. */
  replaySoon(): void {
    if (this.#ledger.size === 0) {
      if (!this.#isReplaying) this.#stopTimer();
      return;
    }
    this.#isReplayWanted = this.#isReplaying;
    if (this.#isReplaying) return;
    this.#isReplaying = true;
    setImmediate(() => this.#replay());
  }

  #stopTimer(): void {
    if (this.#replayTimer !== null) clearInterval(this.#replayTimer);
    this.#replayTimer = null;
  }

  /**
   * One call after the other until the ledger is empty. Whether the store is healthy is not asked: part
   * of it may be, and what is charged elsewhere fails and is kept.
   */
  #replay(): void {
    const { inner, local, monotonic } = this.#options;
    const lastsFrom = local.now() + REPLAY_MARGIN_MS;
    const entries = this.#ledger.take(REPLAY_ENTRIES_MAX, lastsFrom);
    if (entries.length === 0) {
      this.#isReplaying = false;
      return;
    }
    const now = monotonic();
    const groups = entries.map((entry) => replayGroup(entry, now + entry.windowEnd - lastsFrom));
    inner.charge(groups, {
      settled: () => {
        for (const [index, { failure }] of groups.entries()) {
          this.#noteReplay(entries[index] as LedgerEntry, failure);
        }
        const isDone = groups.every(({ failure }) => failure === null);
        if (isDone) this.#endReplay(true);
        else setTimeout(() => this.#endReplay(this.#isReplayWanted), pauseAfter(groups)).unref();
      },
    });
  }

  /** After a failure the next call that succeeds begins again, or the timer. */
  #endReplay(isContinued: boolean): void {
    this.#isReplaying = false;
    if (isContinued) this.replaySoon();
  }

  #noteReplay(entry: LedgerEntry, failure: StoreFailure | null): void {
    if (failure === null) this.replayedHits += entry.hits;
    else if (failure.outcome !== undefined) this.#findOut(entry, failure.outcome);
    else this.#record(entry);
  }
}

function pauseAfter(groups: readonly ChargeGroup[]): DurationMs {
  const isRefused = groups.every(({ failure }) => failure?.code === 'refused');
  return isRefused ? REFUSED_PAUSE_MS : REPLAY_PAUSE_MS;
}

/** A call on its way through the store: `groups` are all of it, the store is asked for some. */
class GuardedCall implements ChargeListener {
  readonly #guard: GuardedCounterStore;
  readonly #groups: readonly ChargeGroup[];
  readonly #listener: ChargeListener;

  constructor(
    guard: GuardedCounterStore,
    groups: readonly ChargeGroup[],
    listener: ChargeListener,
  ) {
    this.#guard = guard;
    this.#groups = groups;
    this.#listener = listener;
  }

  settled(asked: readonly ChargeGroup[]): void {
    this.#guard.settle(asked);
    this.#listener.settled(this.#groups);
  }
}

/** True when no charge of the group was served: then they are answered as one. */
function isWhole({ charges }: ChargeGroup, parts: readonly ChargeGroup[]): boolean {
  return parts.reduce((sum, part) => sum + part.charges.length, 0) === charges.length;
}

/** A retry of what was admitted, and remembered, before. */
function isRepeat(group: ChargeGroup, part: ChargeGroup): boolean {
  return group.isRepeat === true || part.isRepeat === true;
}

function isLocal(group: ChargeGroup): boolean {
  return group.isLocal === true;
}

/** A group of its own, so that one that is refused does not speak for the others. */
function replayGroup({ key, unit, hits }: LedgerEntry, deadlineMs: MonotonicMs): ChargeGroup {
  return { ...ownGroup([ownCharge({ key }, unit, hits)]), deadlineMs };
}
