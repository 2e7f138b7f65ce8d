/**
 * Counters in one Redis, shared by every replica.
 *
 * Group commit: while a call is in flight, groups gather; when its reply is here, they all go as
 * the next call. The busier the service, the larger the calls and the fewer of them per charge. A reply
 * that takes long is not waited for (calls-in-flight.ts).
 *
 * Deadlines: each group is answered within `timeoutMs` of its `charge`, and by its caller's deadline,
 * whatever Redis does. The call carries the last deadline of its groups in Redis's own time, so that
 * one which arrives later charges nothing. A call that is late still holds its place: nothing more is
 * sent to a peer that does not answer. What became of charges whose callers were answered without
 * Redis is told by their outcome (call-outcomes.ts), so that they are neither lost nor made twice.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type {
  ChargeGroup,
  ChargeListener,
  CounterStore,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import { isVital } from '../groups.ts';
import type { CallsLost } from './acknowledged-calls.ts';
import { CallOutcomes } from './call-outcomes.ts';
import { CallsInFlight } from './calls-in-flight.ts';
import { type CallPart, type CallPlan, ChargeCall } from './charge-call.ts';
import { ChargeQueue, type Entry, entryOf, partsOf, settleGroups } from './charge-queue.ts';
import { keyPlanOf, sequenceKey } from './counter-key.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { type ClockAhead, RedisClock } from './redis-clock.ts';
import { RedisConnection } from './redis-connection.ts';
import { UNEXPECTED_TEXT } from './redis-errors.ts';
import type { RedisStoreOptions } from './redis-options.ts';
import {
  type CompleteRedisOptions,
  completeOptions,
  QUEUED_CHARACTERS_PER_GROUP,
} from './redis-options.ts';
import { UNEXPECTED_REPLY } from './script-reply.ts';
import { notSent, type StoreFailures, storeFailures, tooLarge } from './store-failures.ts';

/** Share of the queue's bound that is kept for refunds and critical rules. */
const VITAL_SHARE = 0.1;

export class RedisCounterStore implements CounterStore {
  readonly name = 'redis';
  readonly immediate = false;
  readonly #options: CompleteRedisOptions;
  readonly #connection: RedisConnection;
  readonly #outcomes: CallOutcomes;
  readonly #clock = new RedisClock();
  readonly #plan: CallPlan;
  readonly #failures: StoreFailures;
  /** Beyond it only refunds and critical rules are taken. */
  readonly #groupsQueuedMost: number;
  readonly #charactersQueuedMax: number;
  readonly #healthListeners: ((isHealthy: boolean) => void)[] = [];
  readonly #queue = new ChargeQueue();
  readonly #inFlight: CallsInFlight;
  readonly #timer: DeadlineTimer;
  #isFlushPlanned = false;
  #closing: Promise<void> | null = null;
  #onIdle: (() => void) | null = null;
  #charges = 0;
  #calls = 0;
  #timeouts = 0;
  #overloads = 0;
  #lateCalls = 0;

  /** Throws a RangeError for an option out of its bounds. */
  constructor(options: RedisStoreOptions) {
    this.#options = completeOptions(options);
    const { groupsQueuedMax } = this.#options;
    this.#outcomes = this.#options.outcomes ?? new CallOutcomes();
    this.#inFlight = new CallsInFlight(this.#options.timeoutMs);
    this.#timer = new DeadlineTimer(this.#options.monotonic, () => this.#expire());
    this.#groupsQueuedMost = Math.ceil(groupsQueuedMax * (1 - VITAL_SHARE));
    this.#charactersQueuedMax = groupsQueuedMax * QUEUED_CHARACTERS_PER_GROUP;
    this.#failures = storeFailures(this.#options, this.#charactersQueuedMax);
    this.#plan = {
      routeOf: this.#options.routeOf,
      keysOf: (route) => keyPlanOf(route, this.#options),
      lost: this.#failures.unavailable,
      late: this.#failures.late,
      hasty: this.#failures.hasty,
    };
    this.#connection = new RedisConnection(this.#options, (isReady) => this.#changed(isReady));
  }

  /** How far the server's clock is ahead of `now`; 0 before the first reply. */
  get clockAhead(): ClockAhead {
    const { now, monotonic } = this.#options;
    return this.#clock.aheadOf(now(), monotonic());
  }

  /** Calls that arrived after their deadline and charged nothing. */
  get lateCalls(): number {
    return this.#lateCalls;
  }

  get isHealthy(): boolean {
    return this.#connection.isReady && this.#closing === null;
  }

  /** Charges put into calls. */
  get charges(): number {
    return this.#charges;
  }

  /** Calls of the script: batches. */
  get calls(): number {
    return this.#calls;
  }

  /** What one `charge` brought counts once. */
  get timeouts(): number {
    return this.#timeouts;
  }

  /** What Redis had acknowledged and lost. */
  get lost(): CallsLost {
    return this.#outcomes.acknowledged;
  }

  get overloads(): number {
    return this.#overloads;
  }

  get reconnects(): number {
    return this.#connection.reconnects;
  }

  /** Groups waiting for their call, and the most that ever did. */
  get groupsQueued(): number {
    return this.#queue.groups;
  }

  get groupsQueuedHighWater(): number {
    return this.#queue.groupsHighWater;
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#healthListeners.push(listener);
  }

  start(): Promise<void> {
    return this.#connection.start();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const { monotonic, timeoutMs } = this.#options;
    const now = monotonic();
    const entry = entryOf(groups, listener, { now, timeoutMs });
    const failure = this.#failureOf(entry, now);
    if (failure !== null || entry.charges === 0) {
      settleGroups(entry, failure);
      this.#settle(entry);
    } else if (this.#isWithinOneCall(entry)) {
      this.#enqueue(entry, now);
    } else {
      for (const part of partsOf(entry, this.#options)) this.#enqueue(part, now);
    }
  }

  /** Why the entry cannot be taken at all, or null. */
  #failureOf(entry: Entry, now: MonotonicMs): StoreFailure | null {
    if (entry.charges === 0) return null;
    if (!this.isHealthy) return this.#failures.unavailable;
    if (entry.deadline <= now) {
      this.#timeouts += 1;
      return this.#failures.hasty;
    }
    const overload = this.#overloadBy(entry);
    if (overload !== null) this.#overloads += 1;
    return overload;
  }

  #overloadBy({ groups, characters }: Entry): StoreFailure | null {
    const queue = this.#queue;
    const queued = queue.groups + groups.length;
    const { groupsQueuedMax } = this.#options;
    if (queued > this.#groupsQueuedMost && (queued > groupsQueuedMax || !isVital(groups))) {
      return this.#failures.overloaded;
    }
    // Alone any request is taken, however long: what it may be is bounded where it is received.
    const isTooLong = queue.characters + characters > this.#charactersQueuedMax;
    return isTooLong && queue.groups > 0 ? this.#failures.tooLong : null;
  }

  #isWithinOneCall({ charges, characters }: Entry): boolean {
    const { chargesPerCallMax, charactersPerCallMax } = this.#options;
    return charges <= chargesPerCallMax && characters <= charactersPerCallMax;
  }

  /** Waits for what was charged, at most `timeoutMs`, and closes the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    if (this.#isWaitedFor()) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#timer.clear();
    await this.#connection.close();
    // Shared ones wait for what another server may tell.
    if (this.#options.outcomes === undefined) this.#outcomes.close();
  }

  #enqueue(entry: Entry, now: MonotonicMs): void {
    if (entry.charges > this.#options.chargesPerCallMax) {
      settleGroups(entry, tooLarge(entry.charges));
      this.#settle(entry);
      return;
    }
    this.#queue.push(entry);
    const nextAt = this.#nextCallAt;
    this.#timer.arm(nextAt > now ? Math.min(nextAt, entry.deadline) : entry.deadline);
    if (nextAt > now || this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    setImmediate(this.#flushPlanned);
  }

  /**
   * When what waits may go. While the server's clock is not known, a call has no deadline there, and
   * would be made however late: then one at a time is enough.
   */
  get #nextCallAt(): MonotonicMs {
    return this.#inFlight.isEmpty || this.#clock.isKnown ? this.#inFlight.nextAt : Infinity;
  }

  #mayCall(): boolean {
    return this.#inFlight.isEmpty || this.#nextCallAt <= this.#options.monotonic();
  }

  readonly #flushPlanned = (): void => {
    this.#isFlushPlanned = false;
    this.#flush();
  };

  #flush(): void {
    while (this.#queue.groups > 0 && this.#mayCall()) {
      const call = this.#nextCall();
      try {
        call.prepare();
      } catch (error) {
        call.fail(notSent(error), this.#settle);
        continue;
      }
      this.#inFlight.begin(call, this.#options.monotonic());
      this.#charges += call.charges;
      const deadline = this.#clock.latestAt(call.latestDeadline);
      const send = (): void => {
        for (const part of call.parts) this.#send(call, part, deadline);
      };
      if (call.isSplit) this.#connection.together(send);
      else send();
    }
    if (this.#queue.groups > 0) this.#timer.arm(this.#nextCallAt);
  }

  #nextCall(): ChargeCall {
    const call = new ChargeCall(this.#plan);
    let next = this.#queue.peek();
    while (next !== undefined && call.fits(next, this.#options)) {
      call.add(this.#queue.shift());
      next = this.#queue.peek();
    }
    return call;
  }

  #send(call: ChargeCall, part: CallPart, deadline: number | null): void {
    const { batch, route } = part;
    const { isAsking } = route;
    const isSequenced = route.isSequenced && !batch.isPeek;
    this.#calls += 1;
    part.sentAt = this.#options.monotonic();
    part.number = isSequenced ? this.#outcomes.nextNumber() : 0;
    const key = sequenceKey(this.#outcomes.client, keyPlanOf(route, this.#options));
    const sequence = isSequenced ? { key, number: part.number } : null;
    this.#connection.call(
      {
        command: batch.isPeek ? 'peek' : 'charge',
        isAsking,
        encode: (to) => batch.encode(to, { deadline, sequence }),
      },
      {
        replied: (reply) => {
          this.#heard(part, reply);
          this.#landed(call);
        },
        failed: (failure) => {
          part.failed(failure);
          this.#landed(call);
        },
      },
    );
  }

  #heard(part: CallPart, reply: unknown): void {
    const outcome = part.replied(reply);
    if (outcome === null) {
      this.#connection.noteRefusal(UNEXPECTED_TEXT, part.batch.isPeek ? 'peek' : 'charge');
      return;
    }
    const now = this.#options.monotonic();
    this.#clock.observe(part.sentAt, now, outcome.clock);
    if (outcome.kind === 'late') this.#lateCalls += 1;
    if (part.number > 0) {
      // One that came too late has left no number: what lingers may still be made.
      const refusedBefore = outcome.kind === 'late' ? 0 : part.number;
      const { made } = outcome;
      const { bin } = part.route;
      this.#outcomes.found(bin, { made, refusedBefore }, now);
      const hits = part.batch.hitsAdded;
      this.#outcomes.acknowledged.heard(bin, { number: part.number, hits, made }, now);
    }
    for (const text of outcome.errors) this.#connection.noteRefusal(text);
  }

  /**
   * The next call goes out before this one is dealt out: Redis works while we do. Calls never land
   * within `call`, so that a queue of calls that cannot be sent does not nest here.
   */
  #landed(call: ChargeCall): void {
    if (!call.hasEnded) return;
    this.#inFlight.end(call);
    this.#flush();
    this.#dealOut(call);
    if (this.#onIdle !== null && !this.#isWaitedFor()) this.#onIdle();
  }

  /** A defect on the way fails what is not dealt out yet: no entry is left without an answer. */
  #dealOut(call: ChargeCall): void {
    try {
      call.settle(this.#settle);
    } catch (error) {
      this.#connection.noteDefect(error);
      call.fail(UNEXPECTED_REPLY, this.#settle);
    }
    const now = this.#options.monotonic();
    for (const { route, number, lostGroups } of call.parts) {
      this.#outcomes.await(route.bin, number, lostGroups, now);
    }
  }

  /** What a listener throws is a defect of its own: the entries after it are settled all the same. */
  readonly #settle = (entry: Entry): void => {
    try {
      entry.listener.settled(entry.groups);
    } catch (error) {
      this.#connection.noteDefect(error);
    }
  };

  /** Fails everything whose time is up, and comes back when the next is. */
  #expire(): void {
    const now = this.#options.monotonic();
    const failureOf = (entry: Entry): StoreFailure => this.#timeUpOf(entry, now);
    const sent = this.#inFlight.leaveDue(now, failureOf);
    const due = this.#queue.takeDue(now);
    for (const entry of due) settleGroups(entry, failureOf(entry));
    this.#timeouts += sent.length + due.length;
    this.#flush();
    const { earliestDeadline } = this.#inFlight;
    const next = Math.min(earliestDeadline, this.#queue.earliestDeadline, this.#replyDueAt(now));
    this.#timer.arm(next);
    for (const entry of sent) this.#settle(entry);
    for (const entry of due) this.#settle(entry);
    if (this.#onIdle !== null && !this.#isWaitedFor()) this.#onIdle();
  }

  /** When a call must have its reply, whatever trickles in: beyond it the connection is dropped. */
  #replyDueAt(now: MonotonicMs): MonotonicMs {
    const dueAt = this.#inFlight.oldestSentAt + this.#options.silenceMaxMs;
    if (now < dueAt) return dueAt;
    this.#connection.drop();
    return Infinity;
  }

  /** Of a server that does not answer, every deadline tells, however short. */
  #timeUpOf({ isHasty }: Entry, now: MonotonicMs): StoreFailure {
    const isSilent = now - this.#inFlight.oldestSentAt >= this.#options.timeoutMs;
    return isHasty && !isSilent ? this.#failures.hasty : this.#failures.timedOut;
  }

  #isWaitedFor(): boolean {
    return this.#queue.groups > 0 || this.#inFlight.isWaitedFor;
  }

  #changed(isReady: boolean): void {
    if (isReady) this.#clock.forget();
    for (const listener of this.#healthListeners) listener(isReady);
  }
}
