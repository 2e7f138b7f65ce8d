/** Numbers of several processes on one page: what workers report, and what the supervisor makes of it. */
import { describe, expect, test } from 'vitest';
import type { CountsReport } from '../../src/telemetry/counts-exchange.ts';
import { OwnMetrics } from '../../src/telemetry/own-metrics.ts';
import { type OwnState, OwnTotals } from '../../src/telemetry/own-totals.ts';
import { observed } from './observed.ts';

/** As a report is after its way between processes. */
function travelled(report: CountsReport): CountsReport {
  return structuredClone(report);
}

describe('counts', () => {
  test('of workers are added to what the supervisor shows, and each hit once', async () => {
    const supervisor = observed();
    const workers = [observed(), observed()].map(({ telemetry }) => ({
      telemetry,
      reporter: telemetry.countsReporter(),
      receiver: supervisor.telemetry.countsReceiver(),
    }));
    const exchange = (): void => {
      for (const { reporter, receiver } of workers) {
        for (const report of reporter.take()) receiver.add(travelled(report));
      }
    };
    for (const { telemetry } of workers) {
      telemetry.ruleStats('shop', 'user').totalHits += 3;
      telemetry.callerStats('shop', 'user_ann').nearLimit += 1;
      telemetry.domainNotFound('nowhere');
      telemetry.requestFinished('ShouldRateLimit', 0.2);
      telemetry.storeError();
    }
    exchange();
    exchange();
    workers[0]?.telemetry.requestFinished('ShouldRateLimit', 0.4);
    const first = workers[0]?.telemetry;
    if (first !== undefined) first.ruleStats('shop', 'user').totalHits += 5;
    exchange();
    expect(await supervisor.lines('ratelimit_service')).toEqual(
      expect.arrayContaining([
        'ratelimit_service_rate_limit_near_limit{domain="shop",key1="user_ann"} 2',
        'ratelimit_service_rate_limit_nowhere_domain_not_found 2',
        'ratelimit_service_rate_limit_total_hits{domain="shop",key1="user"} 11',
        'ratelimit_service_response_time_seconds_bucket{grpc_method="ShouldRateLimit",le="0.00025"} 2',
        'ratelimit_service_response_time_seconds_count{grpc_method="ShouldRateLimit"} 3',
        'ratelimit_service_should_rate_limit_error{err_type="redis_error"} 2',
        'ratelimit_service_total_requests{grpc_method="ShouldRateLimit"} 3',
      ]),
    );
  });

  test('of many paths travel in reports of bounded size, changed ones only', () => {
    const { telemetry } = observed();
    for (let index = 0; index < 4500; index += 1) {
      telemetry.ruleStats('shop', `path${index}`).totalHits += 1;
    }
    const reporter = telemetry.countsReporter();
    expect([...reporter.take()].map(({ paths }) => paths.length)).toEqual([2000, 2000, 500]);
    telemetry.ruleStats('shop', 'path4000').totalHits += 7;
    const again = [...reporter.take()];
    expect(again.map(({ paths }) => paths.length)).toEqual([0, 0, 0]);
    expect(again.map(({ added }) => added.slice(0, 2))).toEqual([[], [], [4000, 7]]);
  });

  test('the bounds on series hold for the union of all workers', async () => {
    const bounds = { seriesPerDomainMax: 2 };
    const supervisor = observed({ bounds });
    for (const own of ['a', 'b']) {
      const worker = observed({ bounds });
      for (const path of ['1', '2', '3']) {
        worker.telemetry.callerStats('shop', `${own}${path}`).totalHits += 1;
      }
      const receiver = supervisor.telemetry.countsReceiver();
      for (const report of worker.telemetry.countsReporter().take()) receiver.add(report);
    }
    expect(await supervisor.lines('ratelimit_service_rate_limit_total_hits')).toEqual([
      'ratelimit_service_rate_limit_total_hits{domain="shop",key1="a1"} 1',
      'ratelimit_service_rate_limit_total_hits{domain="shop",key1="a2"} 1',
      'ratelimit_service_rate_limit_total_hits{domain="shop",key1="other"} 4',
    ]);
  });
});

describe('our own metrics', () => {
  async function stateOf(values: {
    calls: number;
    version: number;
    rules: number;
  }): Promise<OwnState> {
    const own = new OwnMetrics();
    own.register('weir_local_hits_replayed_total', () => values.calls);
    own.register('weir_grpc_streams_total', () => [
      { labels: { event: 'opened' }, value: values.calls },
    ]);
    own.register('weir_local_ledger_counters', () => values.calls);
    own.register('weir_rule_set_version', () => values.version);
    own.register('weir_rules_loaded', () => [{ labels: { domain: 'd' }, value: values.rules }]);
    return structuredClone(await own.state());
  }
  const linesOf = async (totals: OwnTotals): Promise<string[]> =>
    (await totals.text(await new OwnMetrics().state()))
      .split('\n')
      .filter((line) => line.startsWith('weir_'));

  test('are summed, or the largest, or the smallest; counts of who ended stay', async () => {
    const totals = new OwnTotals();
    totals.report(1, await stateOf({ calls: 5, version: 3, rules: 10 }));
    totals.report(2, await stateOf({ calls: 7, version: 2, rules: 11 }));
    expect(await linesOf(totals)).toEqual([
      'weir_local_hits_replayed_total 12',
      'weir_grpc_streams_total{event="opened"} 12',
      'weir_local_ledger_counters 12',
      'weir_rule_set_version 2',
      'weir_rules_loaded{domain="d"} 11',
    ]);
    for (const number of [1, 2, 2, 9]) totals.end(number);
    totals.report(3, await stateOf({ calls: 1, version: 4, rules: 12 }));
    expect((await linesOf(totals)).toSorted()).toEqual([
      'weir_grpc_streams_total{event="opened"} 13',
      'weir_local_hits_replayed_total 13',
      'weir_local_ledger_counters 1',
      'weir_rule_set_version 4',
      'weir_rules_loaded{domain="d"} 12',
    ]);
  });

  test('of the runtime: time of start is the earliest, lag that of the latest loop', async () => {
    const own = new OwnMetrics();
    own.addProcessMetrics();
    const state = await own.state();
    const aggregators = new Map(state.map(({ name, aggregator }) => [name, aggregator]));
    expect(aggregators.get('process_start_time_seconds')).toBe('min');
    expect(aggregators.get('nodejs_eventloop_lag_p99_seconds')).toBe('max');
    expect(aggregators.get('process_cpu_seconds_total')).toBe('sum');
  });

  test('of histograms are summed by bucket, those of who ended too', async () => {
    const bucket = (le: string, value: number): OwnState[number]['values'][number] => ({
      labels: { le },
      value,
      metricName: 'gc_bucket',
    });
    const gc = (...values: OwnState[number]['values']): OwnState => [
      { name: 'gc', help: 'GC.', type: 'histogram', aggregator: 'sum', values },
    ];
    const totals = new OwnTotals();
    totals.report(1, gc(bucket('1', 2), bucket('+Inf', 3)));
    totals.report(2, gc(bucket('1', 4), bucket('+Inf', 5)));
    totals.end(1);
    totals.end(2);
    const page = await totals.text(gc(bucket('1', 10), bucket('+Inf', 20)));
    expect(page.split('\n').slice(2, 4)).toEqual([
      'gc_bucket{le="1"} 16',
      'gc_bucket{le="+Inf"} 28',
    ]);
  });
});
