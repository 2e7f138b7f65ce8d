import { describe, expect, test } from 'vitest';
import { weir } from './run-weir.ts';

const HOUR = 'rate_limit: {unit: hour, requests_per_unit: 1}';

describe('a leased limit', () => {
  const FILES = {
    a: `domain: x
descriptors:
  - {key: k, value: v, rate_limit: {unit: second, requests_per_unit: 1005, quota: leased}}
  - {key: k, quota_mode: true, rate_limit: {unit: minute, requests_per_unit: 9, quota: leased}}
  - {key: j, ${HOUR}}
`,
  };
  const limitOf = (descriptor: string, ...more: string[]): string[] => {
    const words = ['explain', '--config', 'DIR', 'x', descriptor, ...more];
    return weir(words, FILES).printed.filter((line) => /^(limit|counter): /.test(line));
  };

  test('is explained as what it is shared out as', () => {
    expect(limitOf('k=v')).toEqual([
      'limit: 1005 per second, leased as a rate with a burst of 101',
      'counter: s1:x,1:k=v',
    ]);
    expect(limitOf('j=v')).toEqual(['limit: 1 per hour', 'counter: h1:x,1:j=v']);
  });

  test('has the key of our own with the keys of the reference too', () => {
    expect(limitOf('k=w', '--reference-keys')).toEqual([
      'limit: 9 per minute, quota mode, leased as a count per window',
      'counter: m1:x,1:k=w',
    ]);
    expect(limitOf('j=v', '--reference-keys')[1]).toBe('counter: x_j_v_');
  });

  test('is explained as none where its key is too long to be leased', () => {
    const fits = 'ü'.repeat(251);
    const [limit, counter] = limitOf(`k=${fits}`) as [string, string];
    expect(new TextEncoder().encode(counter.slice('counter: '.length)).length).toBe(511);
    expect(limit).toContain('leased as a count');
    expect(limitOf(`k=${fits}x`)[0]).toContain('leased as a count');
    expect(limitOf(`k=${fits}xy`)[0]).toBe(
      'limit: 9 per minute, quota mode, not leased: its key is longer than 512 bytes',
    );
  });

  test('is counted, and warned about where it has a counter for each value', () => {
    expect(weir(['check', 'DIR'], FILES)).toMatchObject({
      code: 0,
      printed: [
        "DIR/a:4:88 descriptors[1].rate_limit.quota warning: 'k' has a counter for each value, and a replica leases 1024 at most",
        '1 file, 3 rules (2 leased): 0 errors, 1 warning',
      ],
    });
  });
});
