import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/rules/limits-file.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Code } from '../../../src/core/verdict/answer.ts';
import { Check } from '../../../src/core/verdict/check.ts';
import { dynamicMetadata } from '../../../src/core/verdict/dynamic-metadata.ts';
import { compileDomain, testDescriptor } from '../../support/rules.ts';

function metadataOf(list: (JsonObject | null)[], codes: Code[] = []): JsonObject {
  const checks = list.map((metadata, index) => {
    const check = new Check();
    compileDomain('d', [{ key: 'k', metadata, limit: '1/hour' }]).match(
      testDescriptor('k=v'),
      check,
    );
    check.code = codes[index] ?? Code.OK;
    return check;
  });
  return dynamicMetadata({ domain: 'd', descriptors: [], hitsAddend: 0 }, checks);
}

describe('dynamicMetadata', () => {
  it('lists every descriptor asked, with its override and hits', () => {
    const descriptors = [
      testDescriptor('a=1,b='),
      testDescriptor('c=2', { limit: { requestsPerUnit: 3, unit: Unit.HOUR }, hitsAddend: 0 }),
      testDescriptor('z=0', { limit: { requestsPerUnit: 0, unit: 99 } }),
    ];
    expect(dynamicMetadata({ domain: 'd', descriptors, hitsAddend: 2 }, [])).toEqual({
      domain: 'd',
      descriptors: [
        { entries: ['a=1', 'b='] },
        { entries: ['c=2'], limit: 'requests_per_unit:3  unit:HOUR', hitsAddend: 0 },
        { entries: ['z=0'], limit: 'unit:99' },
      ],
      hitsAddend: 2,
    });
  });

  it('leaves out hits of 0 and metadata that nobody has', () => {
    expect(metadataOf([null])).toEqual({ domain: 'd', descriptors: [] });
  });

  it('keeps the first value of a key and merges objects in depth', () => {
    const first = { team: 'edge', owner: { name: 'ann', level: 3 } };
    const second = { team: 'core', owner: { name: 'bob', onCall: true }, list: [1, 'two'] };
    expect(metadataOf([first, second])['metadata']).toEqual({
      team: 'edge',
      owner: { name: 'ann', level: 3, onCall: true },
      list: [1, 'two'],
    });
  });

  it('leaves in a rule what was merged into its objects, as the reference does', () => {
    const first = { owner: { name: 'ann' }, a: 1 };
    metadataOf([first, { owner: { onCall: true }, b: 2 }]);
    expect(metadataOf([first])['metadata']).toEqual({ owner: { name: 'ann', onCall: true }, a: 1 });
  });

  it('takes only rules that passed', () => {
    expect(metadataOf([{ a: 1 }, { b: 2 }], [Code.OVER_LIMIT, Code.OK])['metadata']).toEqual({
      b: 2,
    });
  });

  it('keeps a key named __proto__ as data', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}}') as JsonObject;
    const result = metadataOf([hostile, hostile]);
    expect(JSON.stringify(result['metadata'])).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
