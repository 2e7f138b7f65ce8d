/** Transcripts of a cluster, such as `> tick 1 to election`: `play` gives the text with what really happened. */
import type { Message } from '../../../../src/core/raft/message.ts';
import { RAFT_LIMITS } from '../../../../src/core/raft/options.ts';
import { carryOut } from '../../../support/transcript.ts';
import { effectLines, messageText, nodeLine } from './describe.ts';
import { ELECTION_MS, logText, TestCluster } from './test-cluster.ts';

/** A node learns at most two higher terms before it can win. */
const ELECTIONS_MAX = 3;

export function play(text: string): string {
  const stage = new Stage();
  return carryOut(text, (command) => stage.run(command));
}

/** A command's words after its name. */
type Command = (words: readonly string[]) => void;

class Stage {
  #cluster = new TestCluster(1);
  #cut = new Set<string>();
  #said: string[] = [];
  readonly #commands: Readonly<Record<string, Command>> = {
    cluster: (words) => this.#start(words),
    tick: ([id = '', , what]) => this.#tick(id, what),
    elect: ([id = '', , ally]) => this.#elect(id, ally),
    run: ([ms]) => this.#run(Number(ms)),
    wait: ([ms]) => (this.#cluster.now += Number(ms)),
    deliver: (words) => this.#deliver(words),
    lose: ([link = '']) => this.#lose(link),
    repeat: ([link = '']) => this.#each(link, (message) => this.#cluster.deliverCopy(message)),
    network: () => this.#said.push(...this.#cluster.network.map((one) => messageText(one))),
    cut: ([id = '']) => this.#cut.add(id),
    heal: () => this.#cut.clear(),
    propose: ([id = '', ...commands]) => this.#cluster.propose(id, ...commands),
    read: ([id = '']) => this.#cluster.input(id, { kind: 'read', id: 1 }),
    transfer: ([id = '', , to]) => this.#transfer(id, to),
    snapshot: ([id = '']) => this.#cluster.snapshot(id),
    disk: ([id = '', speed]) => this.#setDisk(id, speed),
    persist: ([id = '']) => this.#cluster.persist(id),
    crash: ([id = '']) => this.#cluster.crash(id),
    restart: ([id = '']) => this.#restart(id),
    show: ([id]) => this.#show(id),
    machine: ([id = '']) =>
      this.#said.push(`${id} has ${this.#cluster.seat(id).machine.join(' ')}`),
    log: ([id = '']) => this.#said.push(`${id} ${logText(this.#cluster.node(id))}`),
  };

  /** `quietly`: messages and disks are not told. */
  run(command: string): string[] {
    const isQuiet = command.startsWith('quietly ');
    const [name = '', ...words] = command.replace('quietly ', '').split(/\s+/);
    this.#said = [];
    this.#cluster.effects = [];
    const action = this.#commands[name];
    if (action === undefined) return [`there is no command ${name}`];
    try {
      action(words);
    } catch (error) {
      this.#said.push(String(error));
    }
    const told = this.#cluster.effects.flatMap(({ id, effect }) =>
      effectLines(id, effect, isQuiet),
    );
    return [...told, ...this.#said];
  }

  /** `cluster 3 chunkBytesMax=4`: voters and limits. */
  #start([count, ...limits]: readonly string[]): void {
    const pairs = limits.map((limit) => limit.split('='));
    const unknown = pairs.find(([name = '']) => !(name in RAFT_LIMITS));
    if (unknown) throw new Error(`there is no limit ${unknown[0]}`);
    const numbers = Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
    this.#cluster = new TestCluster(Number(count), { limits: numbers });
    this.#cut.clear();
    for (const id of this.#cluster.voters) this.#cluster.tick(id);
  }

  #restart(id: string): void {
    this.#cluster.restart(id);
    this.#cluster.tick(id);
  }

  /**
   * `elect 1`: it waits longest, and all arrives. `elect 1 by 2`: only votes between these two arrive. Only
   * the outcome is told.
   */
  #elect(id: string, ally: string | undefined): void {
    const isVote = ({ body: { kind } }: Message): boolean => kind.includes('vote');
    const isAlly = ({ from, to }: Message): boolean =>
      [from, to].every((one) => one === id || one === ally);
    this.#cluster.now += 2 * ELECTION_MS;
    for (let i = 0; i < ELECTIONS_MAX && this.#cluster.node(id).role.kind !== 'leader'; i++) {
      this.#cluster.tickToTimer(id);
      this.#cluster.deliverAll((one) => {
        return ally === undefined ? this.#isThrough(one) : isVote(one) && isAlly(one);
      });
    }
    this.#cluster.effects = [];
    this.#show(id);
  }

  /** Time passes in steps of a heartbeat; timers run, and everything arrives, at once. */
  #run(ms: number): void {
    const until = this.#cluster.now + ms;
    while (this.#cluster.now < until) {
      this.#cluster.now += ELECTION_MS / 10;
      for (const { id, node } of this.#cluster.seats.values()) if (node) this.#cluster.tick(id);
      this.#cluster.deliverAll((message) => this.#isThrough(message));
    }
  }

  #isThrough({ from, to }: Message): boolean {
    return !this.#cut.has(from) && !this.#cut.has(to);
  }

  /** `tick 1`, `tick 1 to election`, `tick 1 to heartbeat`: the latter wait until it is due. */
  #tick(id: string, until: string | undefined): void {
    if (until === undefined) this.#cluster.tick(id);
    else this.#cluster.tickToTimer(id);
  }

  /** `deliver all`: until nothing is left. `deliver 1->2`, `deliver 1->2 last`: what is there now. */
  #deliver([link = '', which]: readonly string[]): void {
    if (link === 'all') {
      this.#cluster.deliverAll((message) => this.#isThrough(message));
      return;
    }
    const messages = this.#on(link);
    const chosen = which === 'last' ? messages.slice(-1) : messages;
    for (const message of chosen) this.#cluster.deliver(message);
  }

  #lose(link: string): void {
    this.#each(link, (message) => this.#cluster.lose(message));
  }

  #each(link: string, act: (message: Message) => void): void {
    for (const message of this.#on(link)) act(message);
  }

  #on(link: string): Message[] {
    const [from, to] = link.split('->');
    const isAll = link === 'all';
    return this.#cluster.network.filter((one) => isAll || (one.from === from && one.to === to));
  }

  #transfer(id: string, to: string | undefined): void {
    this.#cluster.input(id, { kind: 'transfer', id: 1, to: to ?? null });
  }

  #setDisk(id: string, speed: string | undefined): void {
    this.#cluster.seat(id).isDiskFast = speed === 'fast';
    if (speed === 'fast') this.#cluster.persist(id);
  }

  #show(only: string | undefined): void {
    for (const { id, node } of this.#cluster.seats.values()) {
      if (only === undefined || only === id) this.#said.push(nodeLine(id, node));
    }
  }
}
