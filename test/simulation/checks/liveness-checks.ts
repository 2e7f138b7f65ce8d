/**
 * What must come about when all is healed and much is wanted: a leader, leases, use of the capacity, and
 * something for everybody. Looked at in the calm end of each epoch.
 */
import { type QuotaOptions, waitMsFor } from '../../../src/core/quota/options.ts';
import { windowOf } from '../../../src/core/quota/quota.ts';
import { MEASURED_COUNT, MEASURED_RATE } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { violated } from '../violation.ts';

/** k of "a leader within k election timeouts". */
const ELECTIONS_MAX = 10;
const REFRESHES_MAX = 3;
const LOOK_MS = 1000;
/** Of the capacity, when it is wanted. */
const USE_MIN = 0.95;
const WINDOW_MS = 60_000;

export class LivenessChecks {
  readonly #stage: Stage;
  readonly #options: QuotaOptions;
  readonly #electionMs: number;

  constructor(stage: Stage, options: QuotaOptions, electionMs: number) {
    this.#stage = stage;
    this.#options = options;
    this.#electionMs = electionMs;
  }

  /** All was healed now, and stays so until `end`. */
  begin(end: number): void {
    const { queue } = this.#stage;
    const leaderBy = queue.now + ELECTIONS_MAX * this.#electionMs;
    const leasedBy = leaderBy + this.#options.ttlMs;
    // What holders of before had is free again when a new leader need not wait for them any more.
    const settled = leaderBy + waitMsFor(this.#options.ttlMs, this.#options);
    const usedBy = settled + REFRESHES_MAX * this.#options.renewMs;
    this.#look(leaderBy, end, () => this.#checkLeader());
    this.#look(leasedBy, end, () => this.#checkLeases());
    queue.at(usedBy, () => this.#measureRate(end - LOOK_MS));
    queue.at(usedBy, () => this.#measureCount(end - LOOK_MS));
  }

  #look(at: number, end: number, check: () => void): void {
    if (at >= end) return;
    this.#stage.queue.at(at, () => {
      check();
      this.#look(at + LOOK_MS, end, check);
    });
  }

  #checkLeader(): void {
    if (!this.#stage.voters.some(({ leading }) => leading !== null)) {
      violated('liveness', `there is no leader ${ELECTIONS_MAX} election timeouts after healing`);
    }
  }

  /** Each live session is renewed within a TTL. */
  #checkLeases(): void {
    for (const { holder, machine, answeredSentAt, startedAt } of this.#stage.replicas) {
      if (holder === null) continue;
      const age = this.#stage.queue.now - Math.max(answeredSentAt, startedAt);
      if (age > this.#options.ttlMs) violated('liveness', `${machine.name} has no lease`);
    }
  }

  /** Nobody starves, and together they use what there is. */
  #measureRate(end: number): void {
    const { queue, replicas, quotas } = this.#stage;
    const { limit } = quotas.get(MEASURED_RATE)!;
    const begin = queue.now;
    const before = replicas.map(({ measured }) => measured);
    const holders = replicas.map(({ holder }) => holder);
    queue.at(end, () => {
      const counts = replicas.map((replica, i) => replica.measured - before[i]!);
      const starved = replicas.find(
        ({ holder }, i) => holder !== null && holder === holders[i] && counts[i] === 0,
      );
      if (starved) violated('liveness', `${starved.machine.name} gets nothing of the rate`);
      const used = counts.reduce((sum, count) => sum + count, 0);
      const capacity = ((queue.now - begin) * limit) / 1000;
      if (used < USE_MIN * capacity) {
        violated('liveness', `${used} of ${Math.round(capacity)} of the rate is used`);
      }
    });
  }

  /** The first whole window. */
  #measureCount(end: number): void {
    const { queue, quotas, leaseChecks, ledgerChecks } = this.#stage;
    const quota = quotas.get(MEASURED_COUNT)!;
    const { truth } = ledgerChecks;
    const window = windowOf(quota, truth.smTime) + WINDOW_MS;
    queue.at(end, () => {
      // Only if it is over: clocks that were wrong may have moved the ledger's time ahead.
      if (truth.smTime < window + WINDOW_MS) return;
      const used = leaseChecks.hitsOf(MEASURED_COUNT, window);
      if (used < USE_MIN * quota.limit) {
        violated('liveness', `${used} of ${quota.limit} of a window is used`);
      }
    });
  }
}
