/**
 * True time, and what is to happen: events in the order of their time, those of one time in the order in which
 * they were asked for. Time passes only from event to event, so an hour in which nothing happens costs
 * nothing.
 */

/** What happens. One that gives a promise is waited for, and nothing happens meanwhile. */
export type Action = () => void | Promise<void>;

interface Event {
  readonly at: number;
  readonly order: number;
  readonly action: Action;
}

export class EventQueue {
  /** True time in milliseconds; every run begins at 0. */
  now = 0;
  /** How many events have happened. */
  count = 0;
  #asked = 0;
  /** A binary heap. */
  readonly #heap: Event[] = [];

  at(time: number, action: Action): void {
    const event = { at: Math.max(time, this.now), order: ++this.#asked, action };
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
  }

  after(ms: number, action: Action): void {
    this.at(this.now + ms, action);
  }

  /** Time goes on to the next event until `end`; null when there is none before it. */
  next(end: number): Action | null {
    const first = this.#heap[0];
    if (first === undefined || first.at >= end) return null;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    this.now = first.at;
    this.count += 1;
    return first.action;
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, event)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * One deadline that is moved often, mostly to later: it is looked at again when it goes off, so that moving it
 * costs no event.
 */
export class Timer {
  readonly #queue: EventQueue;
  readonly #action: Action;
  #at = Infinity;
  /** Of the event that will look at it next. */
  #queued = Infinity;

  constructor(queue: EventQueue, action: Action) {
    this.#queue = queue;
    this.#action = action;
  }

  /** Goes off at `at` and at no other time; Infinity is never. */
  set(at: number): void {
    this.#at = at;
    if (at >= this.#queued) return;
    this.#queued = at;
    this.#queue.at(at, () => this.#look(at));
  }

  #look(queued: number): void | Promise<void> {
    if (queued !== this.#queued) return;
    this.#queued = Infinity;
    if (this.#at > this.#queue.now) {
      if (this.#at < Infinity) this.set(this.#at);
      return;
    }
    this.#at = Infinity;
    return this.#action();
  }
}
