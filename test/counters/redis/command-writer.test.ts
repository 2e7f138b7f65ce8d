/** Commands as bytes, compared with those of the client. */
import fc from 'fast-check';
import { Command } from 'ioredis';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../../src/counters/redis/command-writer.ts';
import { WrittenCommand } from '../../../src/counters/redis/written-command.ts';

const writer = new CommandWriter();

/** The client's own bytes for the same command. */
function expected(words: readonly string[]): string {
  const [name = '', ...args] = words;
  return String(new Command(name, args).toWritable({}));
}

function written(words: readonly [string, ...string[]], pieces: [string, string][]): string {
  writer.start();
  for (const [first, second] of pieces) writer.text(first, second);
  return new WrittenCommand(words, writer.finish()).toWritable().toString();
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'binary-ascii', maxLength: 120 }),
);

test('arguments of any text, in two pieces, are as the client writes them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (pieces) => {
      const words = ['evalsha', 'sha', ...pieces.map(([first, second]) => first + second)];
      expect(written(['evalsha', 'sha'], pieces)).toBe(expected(words));
    }),
  );
});

test('a surrogate pair that is cut by the pieces is whole', () => {
  const [high, low] = ['\ud83d', '\ude00'];
  expect(written(['x'], [[high, low]])).toBe(expected(['x', '😀']));
  expect(written(['x'], [[`a${high}`, 'b']])).toBe(expected(['x', 'a\ufffdb']));
});

test('integers are written as text', () => {
  writer.start();
  for (const value of [0, 9, 10, -1, 2 ** 53 - 1]) writer.integer(value);
  const bytes = new WrittenCommand(['x'], writer.finish()).toWritable().toString();
  expect(bytes).toBe(expected(['x', '0', '9', '10', '-1', '9007199254740991']));
});

test('arguments longer than the room grow it, and the next command begins anew', () => {
  const long = 'k'.repeat(50_000);
  const pieces: [string, string][] = [
    ['é', long],
    [long, long],
    [long, 'é'],
  ];
  const words = ['x', ...pieces.map(([first, second]) => first + second)];
  expect(written(['x'], pieces)).toBe(expected(words));
  expect(written(['x'], [['a', 'b']])).toBe(expected(['x', 'ab']));
});

test('a command does not change when the next one is written', () => {
  writer.start();
  writer.text('one');
  const command = new WrittenCommand(['x'], writer.finish());
  const before = command.toWritable().toString();
  written(['y'], [['two', 'three']]);
  expect(command.toWritable().toString()).toBe(before);
});
