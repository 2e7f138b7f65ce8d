/** docs/global-quotas.md says what the program has. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RESOURCES_MAX, SHARES_PER_SESSION_MAX } from '../../src/core/quota/bounds.ts';
import { BURST_DIVISOR } from '../../src/core/quota/leased-quota.ts';
import { QUOTA_DEFAULTS } from '../../src/core/quota/options.ts';
import { SKEW_FENCED_MS, SKEW_PASSIVE_MS, SKEW_WARN_MS } from '../../src/peers/group/clock-skew.ts';
import { PEERS_ROWS } from '../../src/settings/rows-peers.ts';
import { SETTINGS_TABLE } from '../../src/settings/table.ts';
import { WEIR_METRICS } from '../../src/telemetry/metric-table.ts';

const page = readFileSync(new URL('../../docs/global-quotas.md', import.meta.url), 'utf8');

function named(pattern: RegExp): string[] {
  return [...new Set(page.match(pattern) ?? [])];
}

test('its settings exist', () => {
  const names = new Set<string>(SETTINGS_TABLE.map(({ name }) => name));
  const settings = named(/\bQUOTA_[A-Z_]+[A-Z]/g);
  expect(settings.length).toBeGreaterThan(5);
  expect(settings.filter((name) => !names.has(name))).toEqual([]);
});

test('every setting of a group is named', () => {
  const names = PEERS_ROWS.map(({ name }) => name);
  expect(names.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
});

test('its metrics exist', () => {
  const names = new Set<string>(WEIR_METRICS.map(({ name }) => name));
  const metrics = named(/\bweir_quota_[a-z_]+/g);
  expect(metrics.length).toBeGreaterThan(5);
  expect(metrics.filter((name) => !names.has(name))).toEqual([]);
});

test('its numbers are those of the code', () => {
  const { ttlMs, renewMs, retryMs, urgentMs, drift, marginMs, electionMsMax } = QUOTA_DEFAULTS;
  const timeout = PEERS_ROWS.find(({ name }) => name === 'QUOTA_TIMEOUT');
  const rows = [
    `| a lease lasts | ${ttlMs / 1000} s |`,
    `| and is renewed after | ${renewMs / 1000} s |`,
    `| without an answer, asked again after | ${retryMs / 1000} s |`,
    `| a share that runs low is asked for after | ${urgentMs} ms |`,
    `\`QUOTA_TIMEOUT\`, ${timeout?.default.replace('ms', ' ms')} |`,
    `${SKEW_WARN_MS} ms off is warned about, at ${SKEW_PASSIVE_MS} ms`,
    `and at ${SKEW_FENCED_MS} ms it neither grants`,
    `weir_quota_peer_skew_seconds) > ${SKEW_WARN_MS / 1000}`,
    `| an election takes | ${electionMsMax / 2000} to ${electionMsMax / 1000} s |`,
    `| clocks may run wrong by | ${drift * 100} % |`,
    `| margin of a leader that waits for leases to end | ${marginMs} ms |`,
    `leases ${SHARES_PER_SESSION_MAX.toLocaleString('en')} counters at most`,
    `ledger holds ${RESOURCES_MAX.toLocaleString('en')}`,
  ];
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
  expect(BURST_DIVISOR).toBe(10);
});
