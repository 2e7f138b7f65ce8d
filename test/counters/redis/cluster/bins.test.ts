import { describe, expect, test } from 'vitest';
import { Bins } from '../../../../src/counters/redis/cluster/bins.ts';
import { crc16, hashTag, SLOTS, slotOf } from '../../../../src/counters/redis/cluster/slots.ts';
import { CommandWriter } from '../../../../src/counters/redis/command-writer.ts';
import { writeKey } from '../../../../src/counters/redis/counter-key.ts';
import { charge } from '../../../contract/charges.ts';
import { startClusterRig } from '../../../support/cluster-rig.ts';

describe('slots', () => {
  test('the checksum is the one of the specification', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x31c3);
    expect(crc16(Buffer.alloc(0))).toBe(0);
  });

  const tags: [string, string | null][] = [
    ['a', null],
    ['{a}b', 'a'],
    ['x{a}{b}', 'a'],
    ['{}{a}', null],
    ['{a', null],
    ['a}{', null],
    ['{{a}}', '{a'],
  ];
  test.each(tags)('the hash tag of %s is %s', (key, tag) => {
    expect(hashTag(key)).toBe(tag);
    expect(slotOf(key)).toBe(crc16(Buffer.from(tag ?? key)) % SLOTS);
  });
});

/** The key of one counter, as it is sent. */
function keyIn(tag: string): string {
  const to = new CommandWriter();
  const parts = { scope: 'weir:é:', rest: 'shop' };
  to.start();
  writeKey(to, parts, 1, { format: 'exact', prefix: 'weir:é:', tag });
  return to.finish().toString().split('\r\n')[2] as string;
}

describe('bins', () => {
  test('are named in the keys after the prefix of all, and put them into one slot each', async () => {
    const bins = new Bins(64, 'weir:é:');
    await using servers = await startClusterRig();
    const [node] = servers.nodes();
    for (const { bin, tag } of bins.routes) {
      const sent = keyIn(tag);
      expect(sent).toBe(`weir:é:{b${bin}}shop`);
      // oxlint-disable-next-line no-await-in-loop
      expect(await node?.call('CLUSTER', 'KEYSLOT', sent)).toBe(bins.slots[bin]);
    }
  });

  test('have their share of ordinary keys', () => {
    const bins = new Bins(256, '');
    const counts = new Float64Array(256);
    const keys = 256 * 200;
    for (let number = 0; number < keys; number += 1) {
      const key = `h4:shop,4:path=9:/item/${number}`;
      const bin = bins.binOf(charge({ key }));
      counts[bin] = (counts[bin] as number) + 1;
    }
    // Five standard deviations of chance.
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(5 * Math.sqrt(200));
  });

  test('of keys that differ far behind may be the same; of one key they always are', () => {
    const bins = new Bins(256, '');
    const long = 'x'.repeat(70_000);
    const bin = bins.binOf(charge({ key: long }));
    expect(bins.binOf(charge({ key: `${long}y` }))).toBe(bin);
    expect(bins.binOf(charge({ key: `y${long}` }))).not.toBe(bin);
    expect(bins.binOf(charge({ key: '' }))).toBeLessThan(256);
  });

  test.each([0, 1.5, 16_385, Number.NaN])('there cannot be %s of them', (count) => {
    expect(() => new Bins(count, '')).toThrow(RangeError);
  });

  test.each(['a{', '{x}', '{}'])('a prefix of %s would decide the slot itself', (prefix) => {
    expect(() => new Bins(256, prefix)).toThrow('must not hold a {');
  });
});
