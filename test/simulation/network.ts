/**
 * Messages between machines: late, out of order, twice or never. Each way of each link can be cut or slow by
 * itself; loss, duplicates and spread are everybody's.
 */
import type { Random } from '../core/quota/support/random.ts';
import type { EventQueue } from './event-queue.ts';
import type { Machine } from './machine.ts';

/** A fast network: what a message takes at least, and how much more at most. */
const DELAY_MS_MIN = 0.1;
const SPREAD_MS = 2;
/** A copy comes this much later at most. */
const COPY_MS_MAX = 3000;

export class Network {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #machines: number;
  /** By link: true time until which it is cut, and how slow it is. */
  readonly #cutUntil: Float64Array;
  readonly #lagMs: Float64Array;
  loss = 0;
  /** Of what leaders send to followers: terms are short then, and their entries on few disks. */
  appendLoss = 0;
  duplicates = 0;
  spreadMs = SPREAD_MS;
  lost = 0;

  constructor(queue: EventQueue, random: Random, machines: number) {
    this.#queue = queue;
    this.#random = random;
    this.#machines = machines;
    this.#cutUntil = new Float64Array(machines * machines);
    this.#lagMs = new Float64Array(machines * machines);
  }

  /** `deliver` happens in the process that the machine has then. */
  send(from: Machine, to: Machine, deliver: () => void): void {
    if (from === to) {
      this.#queue.after(0, () => to.run(deliver));
      return;
    }
    const link = from.index * this.#machines + to.index;
    const isLost = this.loss > 0 && this.#random.isTrue(this.loss);
    if (isLost || this.#queue.now < this.#cutUntil[link]!) {
      this.lost += 1;
      return;
    }
    const delay = DELAY_MS_MIN + this.#lagMs[link]! + this.#random.next() * this.spreadMs;
    this.#queue.after(delay, () => to.run(deliver));
    if (this.duplicates > 0 && this.#random.isTrue(this.duplicates)) {
      // Mostly soon, as copies are that a broken connection leaves.
      const late = this.#random.isTrue(0.7) ? 2 : this.#random.between(0, COPY_MS_MAX);
      this.#queue.after(delay + late, () => to.run(deliver));
    }
  }

  losesAppend(): boolean {
    return this.appendLoss > 0 && this.#random.isTrue(this.appendLoss);
  }

  /** From `from` to `to` nothing is sent for so long. */
  cut(from: number, to: number, ms: number): void {
    const link = from * this.#machines + to;
    this.#cutUntil[link] = Math.max(this.#cutUntil[link]!, this.#queue.now + ms);
  }

  /** The link takes longer, both ways, until it is set again. */
  slow(a: number, b: number, lagMs: number): void {
    this.#lagMs[a * this.#machines + b] = lagMs;
    this.#lagMs[b * this.#machines + a] = lagMs;
  }

  /** Messages keep nearly in order again. */
  calm(): void {
    this.spreadMs = SPREAD_MS;
  }

  heal(): void {
    this.#cutUntil.fill(0);
    this.#lagMs.fill(0);
    this.loss = 0;
    this.appendLoss = 0;
    this.duplicates = 0;
    this.calm();
  }
}
