/** What a peer's table costs this side: its bound is in bytes of texts, memory is something else. */
import { expect, it } from 'vitest';
import { HpackDecoder } from '../../../../src/wire/http2/hpack/decoder.ts';
import { FieldList } from '../../../../src/wire/http2/hpack/field-list.ts';
import { memoryBytes } from '../../memory.ts';

const TABLE_BYTES_MAX = 4096;
const TABLES = 200;
/** 4 KiB of the shortest fields are 12.7 KiB of objects. */
const MEMORY_BYTES_MAX = 16 * 1024;

/** A literal that enters the table: a name and a value below 127 bytes, or else of 254 at least. */
function literal(name: Uint8Array, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x40]), sized(name), sized(value)]);
}

function sized(text: Uint8Array): Buffer {
  const rest = text.length - 127;
  const length = rest < 0 ? [text.length] : [0x7f, (rest & 0x7f) | 0x80, rest >> 7];
  return Buffer.concat([Buffer.from(length), text]);
}

const LONG = Buffer.alloc(4000, 0x61);
const SHORT = Buffer.from('ab');

it.each([
  ['a long value', literal(SHORT, LONG)],
  ['a long name', literal(LONG, SHORT)],
  ['a long name whose value is malformed', literal(LONG, Buffer.from(' '))],
  ['a long value that is malformed', literal(SHORT, Buffer.concat([LONG, Buffer.from('\r')]))],
  ['a long name that is malformed', literal(Buffer.concat([LONG, Buffer.from('A')]), SHORT)],
  ['short fields', Buffer.concat(Array.from({ length: 113 }, () => literal(SHORT, SHORT)))],
])('a full table takes no more than four times its bound: %s', async (_name, block) => {
  const decoders = Array.from({ length: TABLES }, () => new HpackDecoder(TABLE_BYTES_MAX));
  const before = await memoryBytes();
  for (const decoder of decoders) {
    decoder.decode(block, 0, block.length, new FieldList(TABLE_BYTES_MAX));
  }
  const bytes = ((await memoryBytes()) - before) / TABLES;
  expect(decoders.every(({ tableBytes }) => tableBytes > 4000)).toBe(true);
  expect(bytes).toBeLessThan(MEMORY_BYTES_MAX);
});
