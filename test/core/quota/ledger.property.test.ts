/** What holds of a ledger after any commands, in any order, with repetitions: Q3, Q5, Q9. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedBytes } from '../../../src/core/quota/byte-reader.ts';
import type { Command, Outcome } from '../../../src/core/quota/command.ts';
import { decodeCommand, encodeCommand } from '../../../src/core/quota/command-codec.ts';
import { Ledger } from '../../../src/core/quota/ledger.ts';
import { decodeLedger, encodeLedger, hashLedger } from '../../../src/core/quota/ledger-codec.ts';
import { outstandingOf } from '../../../src/core/quota/share.ts';
import { type RawCommand, rawCommand, resolve } from './support/commands.ts';

const raws = fc.array(rawCommand, { minLength: 1, maxLength: 150, size: 'max' });

interface Step {
  readonly command: Command;
  readonly outcome: Outcome;
}

/** Applies all, looking at the ledger after each. */
function play(list: readonly RawCommand[], ledger: Ledger, look?: (step: Step) => void): Command[] {
  let ts = 1_000_000;
  return list.map((raw) => {
    ts += raw.pause;
    const command = resolve(raw, ledger, ts);
    const outcome = ledger.apply(command, 1);
    look?.({ command, outcome });
    return command;
  });
}

/** Of the resource that a command is about, when it is a rate. */
function rateHeld(ledger: Ledger, command: Command): { rate: number; burst: number } {
  const book = 'resource' in command ? ledger.books.get(command.resource) : undefined;
  return book?.kind === 'rate' ? book.held : { rate: 0, burst: 0 };
}

function bytesOf(ledger: Ledger): string {
  return Buffer.from(encodeLedger(ledger)).toString('hex');
}

/** Sums reckoned anew from the shares alone. */
function expectConserved(ledger: Ledger): void {
  for (const book of ledger.books.values()) {
    if (book.kind === 'rate') continue;
    const { granted, used, returned, stranded } = book.totals;
    let outstanding = 0;
    for (const share of book.shares.values()) {
      expect(outstandingOf(share)).toBeGreaterThanOrEqual(0);
      outstanding += share.granted - share.used - share.returned;
    }
    expect(granted).toBe(used + returned + stranded + outstanding);
  }
  expect(ledger.problem()).toBeNull();
}

describe('after any commands', () => {
  test('granted = used + returned + stranded + outstanding', () => {
    fc.assert(
      fc.property(raws, (list) => {
        const ledger = new Ledger();
        play(list, ledger, () => expectConserved(ledger));
      }),
      { numRuns: 300 },
    );
  });

  test('no grant passes a limit, whatever was asked for', () => {
    let grants = 0;
    fc.assert(
      fc.property(raws, (list) => {
        const ledger = new Ledger();
        let ts = 1_000_000;
        for (const raw of list) {
          const command = resolve(raw, ledger, (ts += raw.pause));
          const before = rateHeld(ledger, command);
          if (ledger.apply(command, 1).kind !== 'shared' || command.kind !== 'allocate') continue;
          grants += 1;
          const book = ledger.books.get(command.resource)!;
          const held = rateHeld(ledger, command);
          if (book.kind === 'count') expect(book.taken).toBeLessThanOrEqual(book.quota.limit);
          else {
            if (held.rate > before.rate) expect(held.rate).toBeLessThanOrEqual(book.quota.limit);
            if (held.burst > before.burst) expect(held.burst).toBeLessThanOrEqual(book.quota.burst);
            expect(held.rate + held.burst).toBeGreaterThan(before.rate + before.burst);
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(grants).toBeGreaterThan(1000);
  });

  test('sums of rates and bursts stay within limits that are never lowered', () => {
    fc.assert(
      fc.property(raws, (list) => {
        const ledger = new Ledger();
        const limits = new Map<string, { limit: number; burst: number }>();
        const steady = list.filter(({ pick }) => pick !== 3 && pick !== 4);
        let ts = 1_000_000;
        for (const raw of steady) {
          const command = resolve(raw, ledger, (ts += Math.abs(raw.pause)));
          if (command.kind === 'set-quota' && ledger.books.has(command.resource)) continue;
          ledger.apply(command, 1);
          for (const [name, book] of ledger.books) {
            if (book.kind !== 'rate') continue;
            const { limit, burst } = limits.get(name) ?? book.quota;
            limits.set(name, { limit, burst });
            expect(book.held.rate).toBeLessThanOrEqual(limit);
            expect(book.held.burst).toBeLessThanOrEqual(burst);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the same commands give the same bytes, through the codec of commands too', () => {
    fc.assert(
      fc.property(raws, (list) => {
        const one = new Ledger();
        const commands = play(list, one);
        const other = new Ledger();
        for (const command of commands) {
          const decoded = decodeCommand(encodeCommand(command));
          expect(decoded).toEqual(command);
          other.apply(decoded, 1);
        }
        expect(bytesOf(other)).toBe(bytesOf(one));
        expect(hashLedger(other)).toBe(hashLedger(one));
      }),
      { numRuns: 300 },
    );
  });

  test('a snapshot and the commands after it are as good as all commands', () => {
    fc.assert(
      fc.property(raws, fc.nat(), (list, cut) => {
        const whole = new Ledger();
        const commands = play(list, whole);
        const at = cut % commands.length;
        const first = new Ledger();
        for (const command of commands.slice(0, at)) first.apply(command, 1);
        const restored = decodeLedger(encodeLedger(first));
        expect(bytesOf(restored)).toBe(bytesOf(first));
        const outcomes = commands.slice(at).map((command) => restored.apply(command, 1));
        expect(outcomes).toEqual(commands.slice(at).map((command) => first.apply(command, 1)));
        expect(bytesOf(restored)).toBe(bytesOf(whole));
      }),
      { numRuns: 300 },
    );
  });

  test('the ledger never goes back in time, and generations only grow', () => {
    fc.assert(
      fc.property(raws, (list) => {
        const ledger = new Ledger();
        let [time, generation] = [0, 0];
        play(list, ledger, ({ command }) => {
          expect(ledger.smTime).toBe(Math.max(time, command.ts));
          expect(ledger.generation).toBeGreaterThanOrEqual(generation);
          time = ledger.smTime;
          generation = ledger.generation;
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('bytes that are no ledger or command', () => {
  test('are refused, or are the one way to write what they say', () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
    let refusedCount = 0;
    fc.assert(
      fc.property(
        raws,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        (list, changes, cut) => {
          const ledger = new Ledger();
          play(list, ledger);
          const bytes = encodeLedger(ledger);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const part = cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
          try {
            expect(Buffer.from(encodeLedger(decodeLedger(part)))).toEqual(Buffer.from(part));
          } catch (error) {
            if (!(error instanceof MalformedBytes)) throw error;
            refusedCount += 1;
          }
        },
      ),
      { numRuns: 1000 },
    );
    expect(refusedCount).toBeGreaterThan(300);
  });

  test('never make decodeCommand throw anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, isVersioned) => {
        const tried = isVersioned ? Uint8Array.of(1, ...bytes) : bytes;
        try {
          expect(Buffer.from(encodeCommand(decodeCommand(tried)))).toEqual(Buffer.from(tried));
        } catch (error) {
          if (!(error instanceof MalformedBytes)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('reports that come late, twice and in any order', () => {
  test('are counted once each, in their order', () => {
    const one = fc.record({ used: fc.nat({ max: 9 }), returned: fc.nat({ max: 9 }) });
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat()),
        (parts, order) => {
          const ledger = new Ledger();
          ledger.apply({ kind: 'open-session', ts: 0, instance: 'a', incarnation: 1 }, 1);
          const quota = { kind: 'count', limit: 1000, unit: 2 } as const;
          ledger.apply({ kind: 'set-quota', ts: 0, resource: 'r', quota }, 1);
          const share = { resource: 'r', session: 1, generation: 0, burst: 0 };
          ledger.apply({ kind: 'allocate', ts: 0, ...share, amount: 1000 }, 1);
          const send = (at: number) => {
            const items = [{ resource: 'r', window: 0, ...parts[at]! }];
            return ledger.apply({ kind: 'report', ts: 0, session: 1, sequence: at + 1, items }, 1);
          };
          let counted = 0;
          for (const pick of [...order, ...parts.keys()]) {
            const at = pick % parts.length;
            const { kind } = send(at);
            expect(kind).toBe(at === counted ? 'reported' : 'refused');
            if (at === counted) counted += 1;
          }
          expect(counted).toBe(parts.length);
          const { used, returned } = (ledger.books.get('r') as { totals: (typeof parts)[0] })
            .totals;
          expect(used).toBe(parts.reduce((sum, part) => sum + part.used, 0));
          expect(returned).toBe(parts.reduce((sum, part) => sum + part.returned, 0));
        },
      ),
      { numRuns: 300 },
    );
  });
});
