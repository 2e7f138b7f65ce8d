/**
 * Counters in one Redis, shared by every replica.
 *
 * Group commit: while a call is in flight, groups gather; when its reply is here, they all go as
 * the next call. The busier the service, the larger the calls and the fewer of them per charge.
 *
 * Deadlines: each group is answered within `timeoutMs` of its `charge`, whatever Redis does. A call
 * that is late still holds its place: nothing more is sent to a peer that does not answer, so that
 * one that hangs and wakes up has at most `callsInFlightMax` calls to carry out that nobody waits
 * for.
 */
import type { DurationMs } from '../../core/time.ts';
import type {
  ChargeGroup,
  ChargeListener,
  CounterStore,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import type { BatchKeys } from './charge-batch.ts';
import { ChargeCall } from './charge-call.ts';
import { ChargeQueue, type Entry, entryOf, partsOf, settleEntry } from './charge-queue.ts';
import { RedisConnection } from './redis-connection.ts';
import type { RedisStoreOptions } from './redis-options.ts';
import {
  addressText,
  type CompleteRedisOptions,
  completeOptions,
  QUEUED_CHARACTERS_PER_GROUP,
} from './redis-options.ts';
import { UNEXPECTED_REPLY } from './script-reply.ts';

export class RedisCounterStore implements CounterStore {
  readonly name = 'redis';
  readonly immediate = false;
  readonly #options: CompleteRedisOptions;
  readonly #connection: RedisConnection;
  readonly #unavailable: StoreFailure;
  /** The connection was lost after the call was sent. */
  readonly #lost: StoreFailure;
  /** While it waited for its call, and while its call was under way. */
  readonly #timedOut: StoreFailure;
  readonly #timedOutSent: StoreFailure;
  readonly #overloaded: StoreFailure;
  readonly #charactersQueuedMax: number;
  readonly #tooLong: StoreFailure;
  readonly #healthListeners: ((isHealthy: boolean) => void)[] = [];
  readonly #queue = new ChargeQueue();
  /** Sent and not answered, oldest first. */
  readonly #inFlight: ChargeCall[] = [];
  #isFlushPlanned = false;
  #closing: Promise<void> | null = null;
  #deadline: NodeJS.Timeout | null = null;
  #onIdle: (() => void) | null = null;
  #charges = 0;
  #calls = 0;
  #timeouts = 0;
  #overloads = 0;

  /** Throws a RangeError for an option out of its bounds. */
  constructor(options: RedisStoreOptions) {
    this.#options = completeOptions(options);
    const { timeoutMs, groupsQueuedMax } = this.#options;
    const address = addressText(this.#options.address);
    this.#unavailable = { code: 'unavailable', text: `redis ${address}: no connection` };
    this.#lost = { code: 'unavailable', text: `redis ${address}: no connection`, isUnknown: true };
    this.#timedOut = { code: 'timeout', text: `redis ${address}: no reply in ${timeoutMs} ms` };
    this.#timedOutSent = { ...this.#timedOut, isUnknown: true };
    this.#overloaded = {
      code: 'overloaded',
      text: `redis: ${groupsQueuedMax} requests wait already`,
    };
    this.#charactersQueuedMax = groupsQueuedMax * QUEUED_CHARACTERS_PER_GROUP;
    this.#tooLong = {
      code: 'overloaded',
      text: `redis: requests of ${this.#charactersQueuedMax} characters wait already`,
    };
    this.#connection = new RedisConnection(this.#options, (isReady) => this.#changed(isReady));
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
    const entry = entryOf(groups, listener, this.#options.monotonic());
    if (entry.charges === 0) {
      for (const group of groups) group.failure = null;
      this.#settle(entry, null);
      return;
    }
    if (!this.isHealthy) {
      this.#settle(entry, this.#unavailable);
      return;
    }
    const overload = this.#overloadBy(entry);
    if (overload !== null) {
      this.#overloads += 1;
      this.#settle(entry, overload);
    } else if (this.#isWithinOneCall(entry)) {
      this.#enqueue(entry);
    } else {
      for (const part of partsOf(entry, this.#options)) this.#enqueue(part);
    }
  }

  #overloadBy({ groups, characters }: Entry): StoreFailure | null {
    const queue = this.#queue;
    if (queue.groups + groups.length > this.#options.groupsQueuedMax) return this.#overloaded;
    // Alone any request is taken, however long: what it may be is bounded where it is received.
    const isTooLong = queue.characters + characters > this.#charactersQueuedMax;
    return isTooLong && queue.groups > 0 ? this.#tooLong : null;
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
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    await this.#connection.close();
  }

  #enqueue(entry: Entry): void {
    if (entry.charges > this.#options.chargesPerCallMax) {
      this.#settle(entry, this.#tooLarge(entry));
      return;
    }
    this.#queue.push(entry);
    if (this.#deadline === null) this.#arm(this.#options.timeoutMs);
    if (!this.#isFlushPlanned && this.#inFlight.length < this.#options.callsInFlightMax) {
      this.#isFlushPlanned = true;
      setImmediate(this.#flushPlanned);
    }
  }

  #tooLarge({ charges }: Entry): StoreFailure {
    const text = `redis: ${charges} limits in one request, more than one call may carry`;
    return { code: 'overloaded', text };
  }

  readonly #flushPlanned = (): void => {
    this.#isFlushPlanned = false;
    this.#flush();
  };

  #flush(): void {
    while (this.#inFlight.length < this.#options.callsInFlightMax) {
      const first = this.#queue.peek();
      if (first === undefined) return;
      const call = new ChargeCall(this.#batchKeys());
      let next: Entry | undefined = first;
      while (next && call.fits(next, this.#options)) {
        call.add(this.#queue.shift());
        next = this.#queue.peek();
      }
      this.#send(call);
    }
  }

  #send(call: ChargeCall): void {
    this.#calls += 1;
    this.#charges += call.charges;
    this.#inFlight.push(call);
    this.#connection.call(call, {
      replied: (reply) => {
        this.#landed(call);
        this.#dealOut(call, reply);
        this.#idle();
      },
      failed: (failure) => {
        this.#landed(call);
        call.fail(failure ?? this.#lost, this.#settle);
        this.#idle();
      },
    });
  }

  /** A defect on the way fails what is not dealt out yet: no entry is left without an answer. */
  #dealOut(call: ChargeCall, reply: unknown): void {
    try {
      const errors = call.settle(reply, this.#settle);
      for (const text of errors) this.#connection.noteRefusal(text);
    } catch (error) {
      this.#connection.noteDefect(error);
      call.fail(UNEXPECTED_REPLY, this.#settle);
    }
  }

  /** What a listener throws is a defect of its own: the entries after it are settled all the same. */
  readonly #settle = (entry: Entry, failure: StoreFailure | null): void => {
    try {
      settleEntry(entry, failure);
    } catch (error) {
      this.#connection.noteDefect(error);
    }
  };

  /**
   * The next call goes out before this one is dealt out: Redis works while we do. Calls never land
   * within `call`, so that a queue of calls that cannot be sent does not nest here.
   */
  #landed(call: ChargeCall): void {
    this.#inFlight.splice(this.#inFlight.indexOf(call), 1);
    this.#flush();
  }

  #batchKeys(): BatchKeys {
    const { keyFormat, expirationJitterMaxSeconds, now, random } = this.#options;
    if (keyFormat === 'exact') return { format: 'exact' };
    const jitterSeconds = Math.floor(random() * expirationJitterMaxSeconds);
    return { format: 'reference', now: now(), jitterSeconds };
  }

  #arm(inMs: DurationMs): void {
    this.#deadline = setTimeout(this.#expire, inMs);
  }

  /** Fails everything whose time is up, and comes back when the next is. */
  readonly #expire = (): void => {
    const { monotonic, timeoutMs } = this.#options;
    const latest = monotonic() - timeoutMs;
    const due: Entry[] = [];
    const sent: Entry[] = [];
    for (const call of this.#inFlight) {
      for (let entry = call.shiftDue(latest); entry; entry = call.shiftDue(latest))
        sent.push(entry);
    }
    for (let entry = this.#queue.peek(); entry && entry.since <= latest; ) {
      due.push(this.#queue.shift());
      entry = this.#queue.peek();
    }
    this.#deadline = null;
    const oldest = this.#inFlight.find((call) => call.since !== undefined)?.since;
    const next = oldest ?? this.#queue.peek()?.since;
    if (next !== undefined) this.#arm(Math.max(1, Math.ceil(next - latest)));
    this.#timeouts += sent.length + due.length;
    for (const entry of sent) this.#settle(entry, this.#timedOutSent);
    for (const entry of due) this.#settle(entry, this.#timedOut);
    this.#idle();
  };

  #isWaitedFor(): boolean {
    return this.#queue.groups > 0 || this.#inFlight.some(({ since }) => since !== undefined);
  }

  #idle(): void {
    if (this.#onIdle !== null && !this.#isWaitedFor()) this.#onIdle();
  }

  #changed(isReady: boolean): void {
    for (const listener of this.#healthListeners) listener(isReady);
  }
}
