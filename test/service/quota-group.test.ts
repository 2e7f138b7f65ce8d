import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Audit } from '../../src/core/events/event.ts';
import { HybridClock } from '../../src/core/hlc/hybrid-clock.ts';
import { Unit } from '../../src/core/rules/unit.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import type { GroupEvent } from '../../src/peers/group/group-event.ts';
import { registerQuotaGroup } from '../../src/service/peer-metrics.ts';
import { quotaGroup } from '../../src/service/quota-group.ts';
import { quotaLog } from '../../src/service/quota-log.ts';
import { RecentErrors } from '../../src/service/recent-errors.ts';
import { describeSettings } from '../../src/settings/describe-settings.ts';
import { until } from '../support/child.ts';
import { freePort } from '../support/free-ports.ts';
import { logged } from '../support/logged.ts';
import { settingsOf } from '../support/settings.ts';
import { observed } from '../telemetry/observed.ts';

const pem = (name: string): string =>
  fileURLToPath(new URL(`../wire/tls/${name}.pem`, import.meta.url));
const toStop: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

function groupOf(env: Record<string, string>) {
  const { telemetry, lines } = observed();
  const log = logged();
  const store = new MemoryCounterStore({ now: Date.now, keysMax: 10 });
  const events: Parameters<Audit>[0][] = [];
  const group = quotaGroup(settingsOf(env), {
    store,
    telemetry,
    logger: log.logger,
    audit: (event) => events.push(event),
    hybrid: new HybridClock(),
  });
  registerQuotaGroup(telemetry, group);
  toStop.push(() => group.stop());
  return { group, lines, log: log.lines, events };
}

describe('a service without peers', () => {
  it('leases to itself, and shows it on the metrics page', async () => {
    const { group, lines } = groupOf({});
    await group.start();
    const quota = { kind: 'count', limit: 10, unit: Unit.DAY } as const;
    group.lessee.track('a', quota, performance.now());
    await until(
      () => group.lessee.spend('a', 2, performance.now(), Date.now()),
      (result) => result === 0,
    );
    const page = await lines('weir_quota');
    expect(page).toEqual(
      expect.arrayContaining([
        'weir_quota_leader 1',
        'weir_quota_leased 1',
        'weir_quota_term 1',
        'weir_quota_voter_failed 0',
        'weir_quota_peers 0',
        'weir_quota_health 1',
        'weir_quota_sessions 1',
        'weir_quota_resources 1',
        'weir_quota_clock{state="good"} 1',
        'weir_quota_clock{state="fenced"} 0',
        'weir_quota_lease_requests_total{outcome="refused"} 0',
        'weir_quota_proposals_total{outcome="lost"} 0',
        'weir_quota_window_hits{state="stranded"} 0',
        'weir_quota_hybrid_times_refused_total 0',
        'weir_quota_excess_hits_total 0',
        'weir_quota_divergences_total 0',
        'weir_quota_snapshots_total 0',
      ]),
    );
    expect(page.find((line) => line.includes('commit'))).not.toBe('weir_quota_commit_index 0');
  });

  it('says nothing of its elections, nor records any', async () => {
    const { group, log, events } = groupOf({});
    await group.start();
    await until(
      () => group.status.raft?.leading,
      (leading) => leading !== null,
    );
    await group.stop();
    expect(log.filter((line) => !line.includes('level=debug'))).toEqual([]);
    expect(events).toEqual([]);
  });
});

describe('a service among peers', () => {
  it('speaks TLS by files, alone of three voters neither leads nor fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-quota-'));
    toStop.push(() => rmSync(folder, { recursive: true, force: true }));
    const ports = [await freePort(), await freePort(), await freePort()];
    const env = {
      QUOTA_PEERS: ports.map((port, at) => `v${at}=127.0.0.1:${port}`).join(','),
      QUOTA_NODE_ID: 'v0',
      QUOTA_DATA_DIR: join(folder, 'raft'),
      QUOTA_TLS_CERT: pem('server'),
      QUOTA_TLS_KEY: pem('server.key'),
      QUOTA_TLS_CA: pem('ca'),
    };
    const { group, lines, log } = groupOf(env);
    await group.start();
    expect(log.join('')).toContain('quota storage is open');
    const page = await lines('weir_quota_leader', 'weir_quota_messages', 'weir_quota_peer_skew');
    expect(page).toContain('weir_quota_leader 0');
    expect(describeSettings(settingsOf(env))).toMatchObject({
      quotaNode: 'v0',
      quotaPeers: 3,
      quotaTls: true,
    });
    const { group: twin } = groupOf({ ...env, QUOTA_DATA_DIR: join(folder, 'other') });
    await expect(twin.start()).rejects.toThrow(`QUOTA_LISTEN=127.0.0.1:${ports[0]}`);
  });

  it('records who leads, with the term, and its own session', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-quota-'));
    toStop.push(() => rmSync(folder, { recursive: true, force: true }));
    const { group, events } = groupOf({
      QUOTA_PEERS: `v0=127.0.0.1:${await freePort()}`,
      QUOTA_NODE_ID: 'v0',
      QUOTA_DATA_DIR: join(folder, 'raft'),
    });
    await group.start();
    group.lessee.track('a', { kind: 'count', limit: 10, unit: Unit.DAY }, performance.now());
    await until(
      () => events.length,
      (count) => count === 2,
      15_000,
    );
    expect(events).toEqual([
      { name: 'leader-elected', details: { leader: 'v0' }, term: 1 },
      { name: 'session-opened', details: { session: group.status.session } },
    ]);
  });

  it.each([
    [{ QUOTA_TLS_KEY: '/no/such' }, 'QUOTA_TLS_KEY=/no/such cannot be read: ENOENT'],
    [{ QUOTA_TLS_KEY: pem('envoy.key') }, 'QUOTA_TLS_CERT, QUOTA_TLS_KEY or QUOTA_TLS_CA'],
  ])('with TLS files %j is told so', (env, text) => {
    const all = {
      QUOTA_PEERS: 'a=127.0.0.1:1',
      QUOTA_NODE_ID: 'x',
      QUOTA_TLS_CERT: pem('server'),
      QUOTA_TLS_CA: pem('ca'),
      ...env,
    };
    expect(() => groupOf(all)).toThrow(text);
  });
});

describe('the log', () => {
  const EVENTS: readonly (readonly [GroupEvent, string])[] = [
    [{ kind: 'role-changed', role: 'leader', term: 2, leader: 'a' }, 'level=info'],
    [{ kind: 'role-changed', role: 'candidate', term: 2, leader: null }, 'level=debug'],
    [{ kind: 'role-changed', role: 'pre-candidate', term: 2, leader: null }, 'level=debug'],
    [{ kind: 'voter-failed', error: new Error('EIO') }, 'level=error'],
    [{ kind: 'dropped', from: 'b', reason: 'second-leader' }, 'level=warning'],
    [{ kind: 'peer-found', id: 'b' }, 'level=info'],
    [{ kind: 'peer-lost', id: 'b', code: 14, details: 'gone' }, 'level=warning'],
    [{ kind: 'caller-refused', caller: 'x', reason: 'other cluster' }, 'level=warning'],
    [{ kind: 'storage-note', note: 'torn' }, 'level=warning'],
    [{ kind: 'storage-opened', isNew: true, incarnation: 1 }, 'level=info'],
    [{ kind: 'session-expired', instance: 'c', session: 4, term: 2 }, 'level=info'],
    [{ kind: 'diverged', id: 'b', index: 4096 }, 'level=error'],
    [{ kind: 'clock', id: null, state: 'fenced', skewMs: 600 }, 'level=warning'],
    [{ kind: 'clock', id: 'b', state: 'good', skewMs: 0 }, 'level=info'],
  ];
  it.each(EVENTS)('tells of %j by %s', (event, level) => {
    const { logger, lines } = logged();
    quotaLog(logger, false)(event);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(level);
  });
});

describe('recent errors', () => {
  it('are a ratio of the requests of the last second', () => {
    let now = 0;
    let answered = { requests: 100, failures: 50 };
    const errors = new RecentErrors(
      () => answered,
      () => now,
    );
    expect(errors.ratio).toBe(0.5);
    answered = { requests: 110, failures: 60 };
    now = 999;
    expect(errors.ratio).toBe(0.5);
    now = 1000;
    expect(errors.ratio).toBe(1);
    now = 2000;
    expect(errors.ratio).toBe(0);
  });

  it('come from what telemetry counted', () => {
    const { telemetry } = observed();
    telemetry.storeFailed('timeout');
    telemetry.requestFinished('ShouldRateLimit', 1);
    expect(telemetry.answered).toEqual({ requests: 1, failures: 1 });
  });
});
