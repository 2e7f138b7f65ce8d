/** Transcripts of a breaker, such as `> calls 5 failure`, played on one of any kind. */
import type {
  Breaker,
  BreakerHand,
  CallOutcome,
  Permit,
} from '../../../../src/core/breaker/breaker.ts';
import { BREAKER_DEFAULTS, type BreakerOptions } from '../../../../src/core/breaker/options.ts';
import { carryOut } from '../../../support/transcript.ts';

/** Small numbers that a reader can follow. */
export const TRANSCRIPT_OPTIONS: BreakerOptions = {
  ...BREAKER_DEFAULTS,
  windowMs: 1000,
  bucketCount: 10,
  callsMin: 10,
  failureRatio: 0.5,
  failuresInRow: 5,
  slowMs: 20,
  slowRatio: 0.8,
  probeCount: 2,
  probeTimeoutMs: 100,
  backoffBaseMs: 500,
  backoffMaxMs: 4000,
  stableMs: 10_000,
  rampMs: 1000,
};

/** The breaker itself, or another that is meant to do the same. */
export type BreakerKind = new (...args: ConstructorParameters<typeof Breaker>) => Breaker;

export function play(text: string, kind: BreakerKind): string {
  const stage = new Stage(kind);
  return carryOut(text, (command) => stage.run(command));
}

/** A command's words after its name. */
type Command = (words: readonly string[]) => void;

class Stage {
  readonly #kind: BreakerKind;
  #breaker: Breaker;
  #now = 0;
  #chance = 0;
  #said: string[] = [];
  readonly #permits = new Map<string, Permit>();
  readonly #commands: Readonly<Record<string, Command>> = {
    breaker: (words) => this.#start(words),
    calls: ([times, outcome, , ms = '0']) => this.#call(Number(times), outcome, Number(ms)),
    wait: ([ms]) => this.#wait(Number(ms)),
    begin: ([name = '', vital]) => this.#begin(name, vital === 'vital'),
    end: ([name = '', outcome]) => this.#end(name, outcome),
    healthy: () => this.#breaker.reportHealthy(this.#now),
    chance: ([chance]) => (this.#chance = Number(chance)),
    hand: ([hand]) => this.#breaker.setHand(hand as BreakerHand),
    state: () => this.#said.push(`${textOf(this.#breaker.state)}, hand ${this.#breaker.hand}`),
  };

  constructor(kind: BreakerKind) {
    this.#kind = kind;
    this.#breaker = this.#make({});
  }

  run(command: string): string[] {
    const [name = '', ...words] = command.split(/\s+/);
    this.#said = [];
    const action = this.#commands[name];
    if (action === undefined) return [`there is no command ${name}`];
    action(words);
    return this.#said;
  }

  #make(changed: Partial<BreakerOptions>): Breaker {
    const options = { ...TRANSCRIPT_OPTIONS, ...changed };
    return new this.#kind(options, this.#now, ({ from, to, reason, at }) => {
      this.#said.push(`${at}: ${from} -> ${to}: ${reason}`);
    });
  }

  /** `breaker rampMs=0`: options that are other than usual. Its clock begins at 0. */
  #start(words: readonly string[]): void {
    this.#now = 0;
    this.#chance = 0;
    this.#permits.clear();
    const changed = words.map((word) => word.split('='));
    const unknown = changed.find(([name = '']) => !(name in TRANSCRIPT_OPTIONS));
    if (unknown) throw new Error(`there is no option ${unknown[0]}`);
    const numbers = changed.map(([name, value]) => [name, Number(value)]);
    this.#breaker = this.#make(Object.fromEntries(numbers) as Partial<BreakerOptions>);
  }

  /** `calls 3 failure of 5`: one after the other, each of 5 ms. */
  #call(times: number, outcome: string | undefined, ms: number): void {
    let refused = 0;
    for (let i = 0; i < times; i += 1) {
      const permit = this.#breaker.admit(this.#now, this.#chance);
      this.#now += ms;
      if (permit === null) refused += 1;
      else this.#report(permit, outcome);
    }
    if (refused > 0) this.#said.push(`${refused} refused`);
  }

  #wait(ms: number): void {
    this.#now += ms;
    this.#breaker.advance(this.#now, this.#chance);
  }

  #begin(name: string, isVital: boolean): void {
    const permit = this.#breaker.admit(this.#now, this.#chance, isVital);
    if (permit !== null) this.#permits.set(name, permit);
    const how = permit === null ? 'refused' : permit.isProbe ? 'a probe' : 'admitted';
    this.#said.push(`${name} is ${how}`);
  }

  #end(name: string, outcome: string | undefined): void {
    const permit = this.#permits.get(name);
    if (permit === undefined) throw new Error(`there is no call ${name}`);
    this.#report(permit, outcome);
  }

  #report(permit: Permit, outcome: string | undefined): void {
    this.#breaker.report(permit, outcome as CallOutcome, this.#now, this.#chance);
  }
}

/** `open, until 500, reason failure-ratio`. */
function textOf({ kind, ...rest }: Breaker['state']): string {
  return [kind, ...Object.entries(rest).map(([name, value]) => `${name} ${value}`)].join(', ');
}
