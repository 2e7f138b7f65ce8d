/**
 * Every voter's ledger against all others': equal outcomes at each index, equal hashes at some and at every
 * snapshot. And the ledger of all that is committed, which is the truth that holders are judged by.
 */
import type { Command, Outcome } from '../../../src/core/quota/command.ts';
import { decodeCommand } from '../../../src/core/quota/command-codec.ts';
import { Ledger } from '../../../src/core/quota/ledger.ts';
import { encodeLedger, hashLedger } from '../../../src/core/quota/ledger-codec.ts';
import type { QuotaFault } from '../../../src/core/quota/options.ts';
import type { Entry, LogIndex, NodeId } from '../../../src/core/raft/log-entry.ts';
import { violated } from '../violation.ts';

/** A hash of the whole ledger costs more than a command: at every so many indices. */
const HASH_EVERY = 64;

export class LedgerChecks {
  readonly truth: Ledger;
  readonly #outcomes = new Map<LogIndex, string>();
  readonly #hashes = new Map<LogIndex, string>();
  readonly #onApplied: (command: Command, outcome: Outcome) => void;

  constructor(
    faults: ReadonlySet<QuotaFault>,
    onApplied: (command: Command, outcome: Outcome) => void,
  ) {
    this.truth = new Ledger(faults);
    this.#onApplied = onApplied;
  }

  committed({ index, term, payload }: Entry): void {
    if (payload === null) return;
    const command = decodeCommand(payload);
    const outcome = this.truth.apply(command, term);
    this.applied('truth', index, this.truth, outcome);
    this.#checkSums(command);
    this.#onApplied(command, outcome);
  }

  applied(id: NodeId, index: LogIndex, ledger: Ledger, outcome: Outcome): void {
    const text = `${outcomeText(outcome)} ${ledger.generation} ${ledger.smTime}`;
    const known = this.#outcomes.get(index) ?? text;
    if (known !== text) violated('equal state', `${id} at ${index}: ${text}, not ${known}`);
    this.#outcomes.set(index, text);
    if (index % HASH_EVERY === 0) this.#compare(id, index, ledger);
  }

  installed(id: NodeId, index: LogIndex, ledger: Ledger): void {
    this.#compare(id, index, ledger);
  }

  /** Q9: what was read from a snapshot is what was written. */
  read(id: NodeId, bytes: Uint8Array, ledger: Ledger): void {
    const again = encodeLedger(ledger);
    const isSame = again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
    if (!isSame) violated('Q9', `${id} reads another ledger than was written`);
    const problem = ledger.problem();
    if (problem !== null) violated('Q9', `${id} reads a ledger in which ${problem}`);
  }

  #compare(id: NodeId, index: LogIndex, ledger: Ledger): void {
    const hash = hashLedger(ledger);
    const known = this.#hashes.get(index) ?? hash;
    if (known !== hash) violated('equal state', `the ledger of ${id} differs at ${index}`);
    this.#hashes.set(index, hash);
  }

  /** Q3: granted = used + returned + stranded + outstanding, on the pages that may have changed. */
  #checkSums(command: Command): void {
    if (command.kind === 'open-session' || command.kind === 'noop') return;
    const problem =
      'resource' in command
        ? (this.truth.books.get(command.resource)?.problem() ?? null)
        : this.truth.problem();
    if (problem !== null) violated('Q3', problem);
  }
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'done':
      return 'done';
    case 'opened':
      return `opened ${outcome.session}`;
    case 'shared':
      return `shared ${outcome.generation} ${outcome.amount}`;
    case 'reported':
      return `reported ${outcome.excess}`;
    case 'refused':
      return outcome.reason;
  }
}
