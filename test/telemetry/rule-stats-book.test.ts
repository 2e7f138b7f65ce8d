import { describe, expect, it } from 'vitest';
import { RuleStatsBook } from '../../src/telemetry/rule-stats-book.ts';

const BOUNDS = { seriesPerDomainMax: 3, domainsMax: 2, seriesMax: 100 };

describe('counts of a stats path', () => {
  it('are made on first use and the same ever after', () => {
    const book = new RuleStatsBook(BOUNDS);
    const stats = book.callerStats('shop', 'user');
    expect(stats).toEqual({
      totalHits: 0,
      overLimit: 0,
      nearLimit: 0,
      withinLimit: 0,
      overLimitWithLocalCache: 0,
      shadowMode: 0,
      totalNegativeHits: 0,
    });
    expect(book.callerStats('shop', 'user')).toBe(stats);
    expect(book.callerStats('shop', 'path')).not.toBe(stats);
    expect(book.callerStats('mail', 'user')).not.toBe(stats);
  });

  it.each([2, 3])('with %d paths before them are their own up to the bound', (before) => {
    const book = new RuleStatsBook(BOUNDS);
    for (let i = 0; i < before; i += 1) book.callerStats('shop', `user_${i}`);
    const next = book.callerStats('shop', 'next');
    const shared = book.callerStats('shop', 'after');
    const isShared = before >= BOUNDS.seriesPerDomainMax;
    expect(next === shared).toBe(isShared);
    expect(book.callerStats('shop', 'next')).toBe(next);
    expect(book.callerStats('shop', 'user_0')).not.toBe(shared);
    expect(book.overflows.series_per_domain).toBe(isShared ? 3 : 1);
    expect(shared).toBe(book.callerStats('shop', 'other'));
  });

  it('of domains beyond the bound are shared, those before keep their own', () => {
    const book = new RuleStatsBook(BOUNDS);
    const own = book.callerStats('a', 'x');
    book.callerStats('b', 'x');
    const shared = book.callerStats('c', 'x');
    expect(book.callerStats('d', 'y')).toBe(shared);
    expect(book.callerStats('a', 'x')).toBe(own);
    expect(book.callerStats('a', 'y')).not.toBe(shared);
    expect(book.overflows.domains).toBe(2);
    expect(book.named.at(2)?.name).toBe('other.other');
  });

  it('beyond the bound of all paths are shared by domain', () => {
    const book = new RuleStatsBook({ seriesPerDomainMax: 10, domainsMax: 10, seriesMax: 2 });
    book.callerStats('a', 'x');
    book.callerStats('b', 'x');
    const shared = book.callerStats('a', 'y');
    expect(book.callerStats('a', 'z')).toBe(shared);
    expect(book.callerStats('b', 'y')).not.toBe(shared);
    book.callerStats('c', 'x');
    expect(book.overflows.series).toBe(4);
    expect(book.named.map(({ name }) => name)).toEqual([
      'a.x',
      'b.x',
      'a.other',
      'b.other',
      'c.other',
    ]);
  });

  it('of a path longer than any rule’s are shared, however many there are', () => {
    const book = new RuleStatsBook(BOUNDS);
    const shared = book.callerStats('shop', 'x'.repeat(1025));
    expect(book.callerStats('shop', 'y'.repeat(5000))).toBe(shared);
    expect(book.callerStats('shop', 'x'.repeat(1024))).not.toBe(shared);
    expect(book.callerStats('d'.repeat(1025), 'x')).toBe(book.callerStats('other', 'other'));
    expect(book.overflows.path_length).toBe(3);
  });

  it('stay bounded whatever callers send', () => {
    const bounds = { seriesPerDomainMax: 50, domainsMax: 5, seriesMax: 120 };
    const book = new RuleStatsBook(bounds);
    for (let i = 0; i < 20_000; i += 1) {
      book.callerStats(`d${i % 40}`, `user_${i}`).totalHits += 1;
      book.domainNotFound(`unknown-${i}`);
    }
    expect(book.named.length).toBeLessThanOrEqual(bounds.seriesMax + bounds.domainsMax + 1);
    expect([...book.notFound()]).toHaveLength(bounds.domainsMax + 1);
    const hits = book.named.reduce((sum, { stats }) => sum + stats.totalHits, 0);
    expect(hits).toBe(20_000);
    const asked = [...book.notFound()].reduce((sum, [, count]) => sum + count, 0);
    expect(asked).toBe(20_000);
  });

  it('of paths that differ below the second level share their labels', () => {
    const book = new RuleStatsBook(BOUNDS);
    const first = book.callerStats('shop', 'a.b.c');
    const second = book.callerStats('shop', 'a.b.d');
    expect(book.labelled).toEqual([
      { labels: '{domain="shop",key1="a",key2="b"}', members: [first, second] },
    ]);
  });
});

describe('unknown domains', () => {
  it('are counted by name, then as other', () => {
    const book = new RuleStatsBook(BOUNDS);
    for (const domain of ['a', 'a', 'b', 'c', 'd', 'a', 'x'.repeat(2000)]) {
      book.domainNotFound(domain);
    }
    expect([...book.notFound()]).toEqual([
      ['a', 3],
      ['b', 1],
      ['other', 3],
    ]);
    expect(book.overflows).toMatchObject({ domains: 2, path_length: 1 });
  });
});
