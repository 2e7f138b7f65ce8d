import { describe, expect, it } from 'vitest';
import { BREAKER_DEFAULTS } from '../../src/core/breaker/options.ts';
import { breakerThresholds } from '../../src/settings/breaker-thresholds.ts';
import { BREAKER_ROWS } from '../../src/settings/rows-breaker.ts';
import type { Values } from '../../src/settings/table.ts';

const DEFAULTS = Object.fromEntries(BREAKER_ROWS.map(({ name, default: text }) => [name, text]));

function read(changed: Record<string, string>) {
  const problems: string[] = [];
  const values = { ...DEFAULTS, ...changed } as unknown as Values;
  return { breakers: breakerThresholds(values, problems), problems };
}

describe('thresholds of the breakers', () => {
  it('have the defaults of the breaker itself, but for what is slow', () => {
    const { breakers, problems } = read({});
    const { bucketCount, rampFloor, rampAggression, stableMs, slowMs, ...told } = BREAKER_DEFAULTS;
    expect(problems).toEqual([]);
    expect(breakers).toEqual({ check: told, refund: told, peek: told });
    expect([bucketCount, rampFloor, rampAggression, stableMs, slowMs]).not.toContain(undefined);
  });

  it('may differ by class of command', () => {
    const { breakers } = read({
      REDIS_BREAKER_FAILURE_RATIO: '0.4,refund=0.8, peek=.25',
      REDIS_BREAKER_SLOW: '3ms',
      REDIS_BREAKER_RAMP: '2s,check=0',
    });
    expect(breakers.check).toMatchObject({ failureRatio: 0.4, slowMs: 3, rampMs: 0 });
    expect(breakers.refund).toMatchObject({ failureRatio: 0.8, slowMs: 3, rampMs: 2000 });
    expect(breakers.peek).toMatchObject({ failureRatio: 0.25, slowMs: 3, rampMs: 2000 });
  });

  it.each([
    ['REDIS_BREAKER_FAILURE_RATIO', '0'],
    ['REDIS_BREAKER_FAILURE_RATIO', '1.01'],
    ['REDIS_BREAKER_FAILURE_RATIO', 'half'],
    ['REDIS_BREAKER_FAILURE_RATIO', '0.5,stream=0.5'],
    ['REDIS_BREAKER_FAILURE_RATIO', '0.5,refund'],
    ['REDIS_BREAKER_FAILURE_RATIO', 'refund=0.5'],
    ['REDIS_BREAKER_CALLS_MIN', '1.5'],
    ['REDIS_BREAKER_CALLS_MIN', '-1'],
    ['REDIS_BREAKER_WINDOW', '5'],
    ['REDIS_BREAKER_WINDOW', '11m'],
    ['REDIS_BREAKER_PROBES', '1e3'],
  ])('%s=%s is refused with its bounds and an example', (name, text) => {
    const { problems } = read({ [name]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      new RegExp(`^${name}=.* must be .* from .* to .*; for example ${name}=`),
    );
  });

  it('do not begin with a pause that is longer than the longest', () => {
    const { problems } = read({
      REDIS_BREAKER_BACKOFF_MIN: '10s',
      REDIS_BREAKER_BACKOFF_MAX: '1s',
    });
    expect(problems).toEqual([
      'REDIS_BREAKER_BACKOFF_MIN=10s must not be above REDIS_BREAKER_BACKOFF_MAX=1s',
    ]);
  });
});
