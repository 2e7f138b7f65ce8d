/** Commands as bytes, compared with those of the client. */
import fc from 'fast-check';
import { Command } from 'ioredis';
import { expect, test } from 'vitest';
import { CommandWriter } from '../../../src/counters/redis/command-writer.ts';

const writer = new CommandWriter();

/** Of the arguments alone. */
function bytesOf(words: readonly string[]): number {
  return Buffer.byteLength(expected(words)) - `*${words.length}\r\n`.length;
}

/** The client's own bytes for the same command. */
function expected(words: readonly string[]): string {
  const [name = '', ...args] = words;
  return String(new Command(name, args).toWritable({}));
}

function written(pieces: readonly (readonly [string, string])[]): string {
  writer.start();
  for (const [first, second] of pieces) writer.text(first, second);
  return writer.finish().toString();
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'binary-ascii', maxLength: 120 }),
);

test('arguments of any text, in two pieces, are as the client writes them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 12 }), (pieces) => {
      const words = pieces.map(([first, second]) => first + second);
      expect(written(pieces)).toBe(expected(words));
      expect([writer.count, writer.size]).toEqual([words.length, bytesOf(words)]);
    }),
  );
});

test('a surrogate pair that is cut by the pieces is whole', () => {
  const [high, low] = ['\ud83d', '\ude00'];
  expect(written([[high, low]])).toBe(expected(['😀']));
  expect(written([[`a${high}`, 'b']])).toBe(expected(['a\ufffdb']));
});

test('integers are written as text', () => {
  writer.start();
  for (const value of [0, 9, 10, -1, 2 ** 53 - 1]) writer.integer(value);
  expect(writer.finish().toString()).toBe(expected(['0', '9', '10', '-1', '9007199254740991']));
});

test('arguments longer than the room grow it, and the next command begins anew', () => {
  const long = 'k'.repeat(50_000);
  const pieces: [string, string][] = [
    ['é', long],
    [long, long],
    [long, 'é'],
  ];
  expect(written(pieces)).toBe(expected(pieces.map(([first, second]) => first + second)));
  expect(written([['a', 'b']])).toBe(expected(['ab']));
});

test('a command does not change when the next one is written', () => {
  writer.start();
  writer.text('one');
  const command = writer.finish();
  written([['two', 'three']]);
  expect(command.toString()).toBe(expected(['one']));
});

test.each([1, 400])('arguments of one command may end another, %i of them', (count) => {
  const words = Array.from({ length: count }, (_, index) => `argument ${index} is 'é'`);
  writer.start();
  writer.text('evalsha');
  const { size } = writer;
  for (const word of words) writer.text(word);
  const bytes = writer.finish();
  const argumentBytes = writer.size - size;
  writer.start();
  const script = 'a script'.repeat(9000);
  for (const word of ['eval', script]) writer.text(word);
  writer.written(count, bytes.subarray(-argumentBytes));
  expect(writer.finish().toString()).toBe(expected(['eval', script, ...words]));
});
