import { expect, it } from 'vitest';
import { RuleStatsBook } from '../../src/telemetry/rule-stats-book.ts';
import { ServiceCounts } from '../../src/telemetry/service-counts.ts';
import { statLines } from '../../src/telemetry/stat-lines.ts';

it('a caller’s value cannot add a line', () => {
  const book = new RuleStatsBook({ seriesPerDomainMax: 9, domainsMax: 9, seriesMax: 9 });
  const forged = '\nratelimit.service.rate_limit.bank.key.total_hits: 0\r\x1b[2J';
  book.callerStats('shop', `user_${forged}`).totalHits = 1;
  book.domainNotFound(`who${forged}`);
  const lines = [...statLines(book, new ServiceCounts())];
  expect(lines).toEqual([
    'ratelimit.service.rate_limit.who_ratelimit.service.rate_limit.bank.key.total_hits_ 0__[2J.domain_not_found: 1',
    'ratelimit.service.rate_limit.shop.user__ratelimit.service.rate_limit.bank.key.total_hits_ 0__[2J.total_hits: 1',
  ]);
});
