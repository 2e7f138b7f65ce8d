import { describe, expect, test } from 'vitest';
import type { DescriptorConfig, LimitConfig } from '../../src/core/rules/limits-file.ts';
import { Unit } from '../../src/core/rules/unit.ts';
import { FAILURE_MODES } from '../../src/core/verdict/failure-mode.ts';
import { decodeSlice, encodeSlice } from '../../src/rules/descriptor-slice.ts';

const LIMIT: LimitConfig = {
  requestsPerUnit: 4_294_967_295,
  unit: Unit.YEAR,
  unlimited: false,
  name: '',
  replaces: [],
};

const PLAIN: DescriptorConfig = {
  depth: 0,
  key: 'k',
  value: '',
  limit: null,
  shadowMode: false,
  quotaMode: false,
  detailedMetric: false,
  valueToMetric: false,
  shareThreshold: false,
  metadata: null,
};

/** What it is, its fields, and how many of it travel whole. */
type Row = [string, Partial<DescriptorConfig>, number];

/** There and back, through what a message between threads does to it. */
function sent(descriptors: readonly DescriptorConfig[]): DescriptorConfig[] {
  return [...decodeSlice(structuredClone(encodeSlice(descriptors)))];
}

describe('a slice of descriptors', () => {
  test.each<Row>([
    ['nothing but a key', {}, 0],
    ['a value and a depth', { value: 'ü*', depth: 63 }, 0],
    ['a limit', { limit: LIMIT }, 0],
    ['a limit of 0', { limit: { ...LIMIT, requestsPerUnit: 0, unit: Unit.SECOND } }, 0],
    ['no limit at all', { limit: { ...LIMIT, unlimited: true, unit: Unit.UNKNOWN } }, 0],
    ['shadow_mode', { shadowMode: true }, 0],
    ['quota_mode', { quotaMode: true }, 0],
    ['detailed_metric', { detailedMetric: true }, 0],
    ['value_to_metric', { valueToMetric: true }, 0],
    ['share_threshold', { shareThreshold: true }, 0],
    ['a name', { limit: { ...LIMIT, name: 'n' } }, 1],
    ['replaces', { limit: { ...LIMIT, replaces: ['n'] } }, 1],
    ['a lease', { limit: { ...LIMIT, isLeased: true } }, 1],
    ['metadata', { metadata: { a: [1, null] } }, 1],
    ...FAILURE_MODES.map((failureMode): Row => [failureMode, { failureMode }, 0]),
    ['critical', { isCritical: true }, 0],
    ['not critical', { isCritical: false }, 0],
    ['a critical open', { failureMode: 'open', isCritical: true, limit: LIMIT, depth: 2 }, 0],
    ['a domain that charges whole', { chargesWhole: true }, 0],
    [
      'the same with all that is seldom said',
      { chargesWhole: true, isCritical: false, failureMode: 'error', limit: LIMIT },
      0,
    ],
    ['the same with metadata', { chargesWhole: true, metadata: {} }, 1],
    ['a critical local with metadata', { failureMode: 'local', isCritical: true, metadata: {} }, 1],
    ['a field of a later version', { failureMode: 'local', burst: 1 } as Row[1], 1],
    ['a limit’s field of a later version', { limit: { ...LIMIT, burst: 1 } as LimitConfig }, 1],
  ])('carries %s', (_name, fields, rare) => {
    const descriptor = { ...PLAIN, ...fields };
    const list = [{ ...PLAIN, key: 'before' }, descriptor, { ...PLAIN, key: 'after' }];
    expect(sent(list)).toStrictEqual(list);
    expect(encodeSlice(list).rare.size).toBe(rare);
  });

  test('keeps order and keys where neighbours share them', () => {
    const keys = ['a', 'a', 'b', 'b', 'a'];
    const list = keys.map((key, index) => ({ ...PLAIN, key, value: `v${index}` }));
    expect(sent(list)).toEqual(list);
    expect(sent([])).toEqual([]);
  });

  test('keeps the key of a rare one for its neighbour', () => {
    const list = [PLAIN, { ...PLAIN, key: 'r', metadata: {} }, { ...PLAIN, key: 'r' }];
    expect(sent(list)).toEqual(list);
  });
});
