import { describe, expect, it } from 'vitest';
import { entriesByStream, entriesOf } from '../../src/events/stream-entry.ts';
import { idBefore, idEarlier, laterId, msOf, parseId } from '../../src/events/stream-id.ts';

describe('ids of entries', () => {
  it.each([
    ['1795000000000-7', '1795000000000-7'],
    ['1795000000000', '1795000000000-0'],
    ['0', '0-0'],
    ['0-0', '0-0'],
    ['007-08', '7-8'],
    ['2026-11-18', '1794960000000-0'],
    ['2026-11-18T10:00Z', '1794996000000-0'],
    ['2026-11-18T10:00:30.5Z', '1794996030500-0'],
    ['2026-11-18T12:00:30+02:00', '1794996030000-0'],
  ])('%s is %s', (word, id) => {
    expect(parseId(word)).toBe(id);
  });

  it.each([
    '',
    '-',
    '-1',
    '1-',
    '1-2-3',
    '$',
    'yesterday',
    '1e3',
    '2026-13-01',
    '2026-11-18 10:00',
    '1969-01-01',
    '9'.repeat(16),
  ])('%j is none', (word) => {
    expect(parseId(word)).toBeNull();
  });

  it.each([
    ['5-3', '5-2'],
    ['5-0', '4-18446744073709551615'],
    ['0-1', '0-0'],
    ['0-0', '0-0'],
  ])('before %s is %s', (id, before) => {
    expect(idBefore(id)).toBe(before);
  });

  it('are compared by their numbers', () => {
    expect(laterId('10-0', '9-9')).toBe('10-0');
    expect(laterId('9-9', '9-10')).toBe('9-10');
    expect(laterId('9-9', '9-9')).toBe('9-9');
    expect(laterId('nonsense', '9-9')).toBe('9-9');
    expect([idEarlier('12000-5', 10_000), idEarlier('5-5', 10_000)]).toEqual(['2000-0', '0-0']);
    expect(msOf('12000-5')).toBe(12_000);
  });
});

describe('what Redis answers', () => {
  const streams = [{ kind: 'audit', key: 's' }] as const;

  it('is read as entries', () => {
    expect(entriesByStream(null, streams)).toEqual([]);
    const reply = [
      [
        's',
        [
          ['1-0', ['a', 'b']],
          ['2-0', null],
        ],
      ],
    ];
    expect(entriesByStream(reply, streams)).toEqual([
      { kind: 'audit', id: '1-0', fields: ['a', 'b'] },
      { kind: 'audit', id: '2-0', fields: null },
    ]);
    // Redis 6.2 leaves a hole where an entry was deleted.
    expect(entriesOf([null, ['1-0', []]], 'abuse')).toEqual([
      { kind: 'abuse', id: '1-0', fields: [] },
    ]);
  });

  it.each([['OK'], [7], [[['other', []]]], [[['s', 'x']]], [[['s', [[7, []]]]]], [[['s', ['x']]]]])(
    'is refused when it is something else: %j',
    (reply) => {
      expect(() => entriesByStream(reply, streams)).toThrow('not one of Redis about a stream');
    },
  );
});
