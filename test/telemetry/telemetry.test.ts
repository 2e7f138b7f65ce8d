import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BUCKET_BOUNDS_MS, DurationHistogram } from '../../src/telemetry/duration-histogram.ts';
import { Logger } from '../../src/telemetry/logger.ts';
import { WEIR_METRICS } from '../../src/telemetry/metric-table.ts';
import { metricsPage } from '../../src/telemetry/metrics-page.ts';
import { OwnMetrics } from '../../src/telemetry/own-metrics.ts';
import { REFERENCE_METRICS } from '../../src/telemetry/reference-metrics.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import { observed, WIDE_BOUNDS } from './observed.ts';

describe('the page', () => {
  it('shows nothing of the reference’s names before anything was counted', async () => {
    expect(await observed().lines('ratelimit_')).toEqual([]);
  });

  it('counts calls, errors, loads and global shadows', async () => {
    const { telemetry, lines } = observed();
    for (let i = 0; i < 3; i += 1) telemetry.requestFinished('ShouldRateLimit', 1);
    telemetry.requestFinished('Check', 1);
    telemetry.storeError();
    telemetry.storeError();
    telemetry.serviceError();
    telemetry.limitsLoaded();
    telemetry.limitsFailed();
    telemetry.globalShadow();
    telemetry.domainNotFound('no such:domain');
    const names = ['config', 'global', 'should', 'total', 'rate_limit'];
    expect(await lines(...names.map((name) => `ratelimit_service_${name}`))).toEqual([
      'ratelimit_service_config_load_error 1',
      'ratelimit_service_config_load_success 1',
      'ratelimit_service_global_shadow_mode 1',
      'ratelimit_service_rate_limit_no_such_domain_domain_not_found 1',
      'ratelimit_service_should_rate_limit_error{err_type="redis_error"} 2',
      'ratelimit_service_should_rate_limit_error{err_type="service_error"} 1',
      'ratelimit_service_total_requests{grpc_method="Check"} 1',
      'ratelimit_service_total_requests{grpc_method="ShouldRateLimit"} 3',
    ]);
  });

  it('sums rules that differ only below the second level', async () => {
    const { telemetry, lines } = observed();
    telemetry.callerStats('domain1', 'key3_val3.key4_val4').overLimit += 1;
    telemetry.callerStats('domain1', 'key3_val3.key4_val4.key5_val5').overLimit += 2;
    telemetry.callerStats('domain1', 'key3_val3').overLimit += 4;
    expect(await lines('ratelimit_service_rate_limit_')).toEqual([
      'ratelimit_service_rate_limit_over_limit{domain="domain1",key1="key3_val3",key2="key4_val4"} 3',
      'ratelimit_service_rate_limit_over_limit{domain="domain1",key1="key3_val3"} 4',
    ]);
  });

  it('sums names that flatten to the same one', async () => {
    const { telemetry, lines } = observed();
    telemetry.callerStats('d', 'a-b').totalNegativeHits += 1;
    telemetry.callerStats('d', 'a.b').totalNegativeHits += 2;
    telemetry.callerStats('d', 'a_b').overLimitWithLocalCache += 4;
    expect(await lines('ratelimit_service_rate_limit_')).toEqual([
      'ratelimit_service_rate_limit_d_a_b_over_limit_with_local_cache 4',
      'ratelimit_service_rate_limit_d_a_b_total_negative_hits 3',
    ]);
  });

  it('cannot be broken by hostile names', async () => {
    const { telemetry } = observed();
    const hostile = 'x"} 1\nfake_metric 7\n# TYPE \\';
    telemetry.callerStats(hostile, hostile).totalHits += 1;
    telemetry.callerStats(hostile, hostile).totalNegativeHits += 1;
    telemetry.domainNotFound(hostile);
    const page = await telemetry.page();
    const line = /^(?:# .*|[a-zA-Z_]\w*(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? [-+.\w]+|)$/;
    expect(page.split('\n').filter((text) => !line.test(text))).toEqual([]);
    expect(page).not.toMatch(/^fake_metric/m);
  });

  it('heads every family once, and keeps its lines together', async () => {
    const { telemetry } = observed();
    for (let i = 0; i < 5000; i += 1) {
      const stats = telemetry.callerStats('d', `k_${i}`);
      stats.totalHits = 1;
      stats.overLimit = i % 2;
      stats.totalNegativeHits = 1;
    }
    const page = await telemetry.page();
    const families = [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    expect(new Set(families).size).toBe(families.length);
    let current = '';
    for (const line of page.split('\n')) {
      if (line.startsWith('# TYPE ')) current = line.split(' ')[2] ?? '';
      else if (line !== '' && !line.startsWith('#')) expect(line.split(/[{ ]/)[0]).toBe(current);
    }
  });

  it('gives the event loop its turn all along 100 000 series', async () => {
    const { telemetry } = observed({ bounds: { seriesPerDomainMax: 100_000 } });
    for (let i = 0; i < 100_000; i += 1) telemetry.callerStats('d', `k_${i}`).totalHits = i + 1;
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    let lines = 0;
    for await (const chunk of telemetry.pageChunks()) {
      const inChunk = chunk.split('\n').length - 1;
      expect(inChunk).toBeLessThan(2100);
      lines += inChunk;
    }
    isDone = true;
    expect(lines).toBeGreaterThan(100_000);
    // 5 families and the flattened names, 50 slices each.
    expect(turns).toBeGreaterThanOrEqual(290);
  });

  it('shows series that arrive while it is written, or leaves them for the next', async () => {
    const { telemetry } = observed();
    for (let i = 0; i < 4000; i += 1) telemetry.callerStats('d', `k_${i}`).totalHits = 1;
    let page = '';
    for await (const chunk of telemetry.pageChunks()) {
      page += chunk;
      telemetry.callerStats('late', `k_${page.length}`).totalHits = 1;
    }
    expect(page.match(/^ratelimit_service_rate_limit_total_hits\{domain="d"/gm)).toHaveLength(4000);
  });
});

describe('response times', () => {
  const PREFIX = 'ratelimit_service_response_time_seconds';

  it('fall into the first bucket that holds them, bounds included', () => {
    const histogram = new DurationHistogram();
    for (const ms of [0, 0.1, 0.11, 5, 10_000, 10_001, -1, Number.NaN]) histogram.observe(ms);
    const byBound = new Map(histogram.cumulative().map((n, i) => [BUCKET_BOUNDS_MS[i], n]));
    expect(byBound.get(0.1)).toBe(4);
    expect(byBound.get(0.25)).toBe(5);
    expect(byBound.get(5)).toBe(6);
    expect(byBound.get(10_000)).toBe(7);
    expect(histogram.count).toBe(8);
    expect(histogram.sumMs).toBeCloseTo(20_006.21, 6);
  });

  it('have the buckets of the reference among theirs, in seconds', async () => {
    const { telemetry, lines } = observed();
    telemetry.requestFinished('ShouldRateLimit', 1000);
    const shown = await lines(PREFIX);
    for (const bound of [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5]) {
      expect(shown).toContain(`${PREFIX}_bucket{grpc_method="ShouldRateLimit",le="${bound}"} 0`);
    }
    for (const bound of [1, 2.5, 5, 10, '+Inf']) {
      expect(shown).toContain(`${PREFIX}_bucket{grpc_method="ShouldRateLimit",le="${bound}"} 1`);
    }
    expect(shown).toContain(`${PREFIX}_sum{grpc_method="ShouldRateLimit"} 1`);
    expect(shown).toContain(`${PREFIX}_count{grpc_method="ShouldRateLimit"} 1`);
  });

  it('keep their name in milliseconds', async () => {
    const { telemetry, lines } = observed({ responseTimeAsMs: true });
    telemetry.requestFinished('ShouldRateLimit', 1000);
    const shown = await lines(PREFIX);
    expect(shown).toContain(`${PREFIX}_sum{grpc_method="ShouldRateLimit"} 1000`);
    expect(shown).toContain(`${PREFIX}_bucket{grpc_method="ShouldRateLimit",le="500"} 0`);
    expect(shown).toContain(`${PREFIX}_bucket{grpc_method="ShouldRateLimit",le="1000"} 1`);
  });
});

describe('our own metrics', () => {
  it('are asked at each scrape', async () => {
    const { telemetry, lines } = observed();
    let keys = 5;
    telemetry.register('weir_memory_store_keys', () => keys);
    telemetry.register('weir_memory_store_evictions_total', () => keys * 2);
    telemetry.register('weir_store_healthy', () => [{ labels: { store: 'memory' }, value: 1 }]);
    const shown = await lines('weir_memory', 'weir_store_healthy', 'weir_build');
    keys = 7;
    const later = await lines('weir_memory', 'weir_store_healthy', 'weir_build');
    expect([shown, later]).toEqual([
      [
        'weir_build_info{version="1.2.3"} 1',
        'weir_memory_store_evictions_total 10',
        'weir_memory_store_keys 5',
        'weir_store_healthy{store="memory"} 1',
      ],
      [
        'weir_build_info{version="1.2.3"} 1',
        'weir_memory_store_evictions_total 14',
        'weir_memory_store_keys 7',
        'weir_store_healthy{store="memory"} 1',
      ],
    ]);
  });

  it('are registered once', () => {
    const { telemetry } = observed();
    telemetry.register('weir_rule_set_version', () => 1);
    expect(() => telemetry.register('weir_rule_set_version', () => 2)).toThrow('weir_rule_set');
  });

  it('sum the labelled values beyond a thousand as other', async () => {
    const metrics = new OwnMetrics();
    metrics.register('weir_rules_loaded', () =>
      Array.from({ length: 1003 }, (_, i) => ({ labels: { domain: `d${i}` }, value: 2 })),
    );
    const values = (await metrics.text()).split('\n').filter((line) => !line.startsWith('#'));
    expect(values).toContain('weir_rules_loaded{domain="d999"} 2');
    expect(values).not.toContain('weir_rules_loaded{domain="d1000"} 2');
    expect(values).toContain('weir_rules_loaded{domain="other"} 6');
  });

  it('tell how often counts ended in other, and by which bound', async () => {
    const { telemetry, lines } = observed({ bounds: { seriesPerDomainMax: 1 } });
    for (const path of ['a', 'b', 'c']) telemetry.callerStats('d', path);
    expect(await lines('weir_metrics_')).toEqual([
      'weir_metrics_other_total{cause="domains"} 0',
      'weir_metrics_other_total{cause="path_length"} 0',
      'weir_metrics_other_total{cause="series"} 0',
      'weir_metrics_other_total{cause="series_per_domain"} 2',
      'weir_metrics_series 2',
    ]);
  });

  it('count internal errors, and log each with where it came from', async () => {
    const { telemetry, logged, lines } = observed();
    telemetry.internalError(new Error('no such thing'));
    const withoutStack = new Error('bare');
    delete withoutStack.stack;
    telemetry.internalError(withoutStack);
    telemetry.internalError('text\nwith lines');
    expect(await lines('weir_internal')).toEqual(['weir_internal_errors_total 3']);
    expect(logged[0]).toContain('no such thing\\n    at ');
    expect(logged[1]).toContain('error=bare');
    expect(logged[2]).toContain('error="text\\nwith lines"');
  });

  it('come with those of the process when asked', async () => {
    const { telemetry } = observed();
    const other = new Telemetry({
      bounds: WIDE_BOUNDS,
      responseTimeAsMs: false,
      logger: new Logger({ level: 'ERROR', format: 'text', write: () => {}, now: () => 0 }),
      version: '1',
      withProcessMetrics: true,
    });
    expect(await telemetry.page()).not.toContain('process_cpu');
    const page = await other.page();
    expect(page).toContain('process_cpu_seconds_total');
    expect(page).toContain('nodejs_eventloop_lag_seconds');
  });
});

describe('/stats', () => {
  it('shows every count by its dotted name, and only what was counted', () => {
    const { telemetry } = observed();
    Object.assign(telemetry.callerStats('shop', 'user.path_/a.b.c'), {
      totalHits: 3,
      overLimit: 1,
    });
    Object.assign(telemetry.callerStats('shop', 'ip_10.0.0.1'), { overLimitWithLocalCache: 2 });
    telemetry.callerStats('shop', 'never');
    telemetry.domainNotFound('who');
    telemetry.requestFinished('ShouldRateLimit', 1);
    telemetry.serviceError();
    telemetry.limitsLoaded();
    expect([...telemetry.statLines()].sort()).toEqual([
      'ratelimit.service.call.should_rate_limit.service_error: 1',
      'ratelimit.service.config_load_success: 1',
      'ratelimit.service.rate_limit.shop.ip_10_0_0_1.over_limit_with_local_cache: 2',
      'ratelimit.service.rate_limit.shop.user.path_/a.b.c.over_limit: 1',
      'ratelimit.service.rate_limit.shop.user.path_/a.b.c.total_hits: 3',
      'ratelimit.service.rate_limit.who.domain_not_found: 1',
      'ratelimit_server.ShouldRateLimit.total_requests: 1',
    ]);
  });
});

describe('metric table', () => {
  const rows = [...REFERENCE_METRICS, ...WEIR_METRICS];

  it.each(rows)('$name is completely described', ({ name, type, help, labels }) => {
    expect(name).toMatch(/^(?:ratelimit_service|weir)_[a-z_<>]+$/);
    expect(help).toMatch(/^\S.{8,}\.$/s);
    if (name.startsWith('weir_')) expect(name.endsWith('_total')).toBe(type === 'counter');
    for (const label of labels) expect(label).toMatch(/^[a-z][a-z0-9_]*$/);
  });

  it('names no metric twice', () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  it('is what docs/metrics.md says (npm run generate writes it)', () => {
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    expect(page).toBe(metricsPage());
    for (const { name } of rows) expect(page).toContain(`\`${name}\``);
  });
});
