/**
 * The leader's side of a voter, in simulated time: a grantor for each term that it leads, from when its ledger holds
 * all that was committed before. It does as the service does (`src/peers/group/granting.ts`, whose timers
 * and promises are real ones): a request that only prepared is looked at again, and one whose commands
 * are not applied in time is answered by what the ledger says then.
 */
import type { Command } from '../../src/core/quota/command.ts';
import { Grantor } from '../../src/core/quota/grantor.ts';
import type { LeaseRequest } from '../../src/core/quota/message.ts';
import type { Stage } from './stage.ts';
import type { Reply, Voter } from './voter.ts';

const TICK_MS = 500;
/** Requests that wait for their commands; beyond, the oldest is forgotten and asked again. */
const WAITING_MAX = 64;
/** A new session opens, then names its quotas, then gets shares. */
const ROUNDS_MAX = 3;
/** Of the time after which a holder asks again. */
const WAIT_RATIO = 0.8;

interface Waiting {
  readonly index: number;
  /** Called once: when its commands are applied, or late. */
  readonly go: (isApplied: boolean) => void;
}

export class Granting {
  readonly #stage: Stage;
  readonly #voter: Voter;
  #grantor: Grantor | null = null;
  #term = 0;
  #waiting: Waiting[] = [];

  constructor(stage: Stage, voter: Voter) {
    this.#stage = stage;
    this.#voter = voter;
  }

  /** After each step of the voter. */
  update(): void {
    const { leading, node, machine, ledger } = this.#voter;
    if (leading === null || node === null) {
      this.#grantor = null;
      if (this.#waiting.length > 0) this.#waiting = [];
      return;
    }
    if (this.#grantor !== null && this.#term === node.term) return;
    const { term } = node;
    this.#term = term;
    const { electedAt } = leading;
    const leadership = { term, electedAt, since: machine.moment, own: machine.name };
    this.#grantor = new Grantor(this.#stage.quotaOptions, ledger, leadership);
    this.#stage.elected(this.#voter);
    this.#tickLater(this.#grantor);
  }

  /** Everything up to `index` is applied. */
  applied(index: number): void {
    while ((this.#waiting[0]?.index ?? Infinity) <= index) this.#waiting.shift()!.go(true);
  }

  /** Takes a holder's request; `reply` sends it the answer. */
  serve(request: LeaseRequest, reply: (reply: Reply) => void): void {
    const grantor = this.#grantor;
    if (grantor === null) {
      const leader = this.#voter.node?.leader ?? null;
      reply({ kind: 'not-leader', to: leader === this.#voter.id ? null : leader });
      return;
    }
    const { queue, quotaOptions } = this.#stage;
    const lateAt = queue.now + quotaOptions.retryMs * WAIT_RATIO;
    this.#provide(grantor, request, { round: 1, lateAt, reply });
  }

  #provide(
    grantor: Grantor,
    request: LeaseRequest,
    { round, lateAt, reply }: { round: number; lateAt: number; reply: (reply: Reply) => void },
  ): void {
    const commands = grantor.receive(request, this.#voter.machine.moment);
    this.#propose(commands, lateAt, (isApplied) => {
      if (this.#grantor !== grantor) return;
      // What only prepares lets the same request get more; what gives must not be done twice.
      if (isApplied && round < ROUNDS_MAX && commands.every(isPreparing)) {
        this.#provide(grantor, request, { round: round + 1, lateAt, reply });
      } else reply(this.#answer(grantor, request));
    });
  }

  #answer(grantor: Grantor, request: LeaseRequest): Reply {
    const { machine, leading, node } = this.#voter;
    const isAlone = node?.peers.length === 0;
    const confirmedAt = isAlone ? Infinity : leading!.rounds.confirmedAt;
    return grantor.answer(request, machine.moment, confirmedAt);
  }

  #propose(commands: readonly Command[], lateAt: number, go: (isApplied: boolean) => void): void {
    const index = this.#voter.propose(commands);
    if (index === null) {
      go(false);
      return;
    }
    const waiting = { index, go };
    this.#waiting.push(waiting);
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
    const { machine } = this.#voter;
    this.#stage.queue.at(lateAt, () =>
      machine.run(() => {
        const place = this.#waiting.indexOf(waiting);
        if (place < 0) return;
        this.#waiting.splice(place, 1);
        go(false);
      }),
    );
  }

  #tickLater(grantor: Grantor): void {
    const { machine } = this.#voter;
    this.#stage.queue.after(TICK_MS, () =>
      machine.run(() => {
        if (this.#grantor !== grantor) return;
        this.#voter.propose(grantor.tick(machine.moment));
        this.#tickLater(grantor);
      }),
    );
  }
}

function isPreparing({ kind }: Command): boolean {
  return kind === 'open-session' || kind === 'set-quota';
}
