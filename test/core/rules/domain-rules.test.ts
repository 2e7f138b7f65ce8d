import { describe, expect, it } from 'vitest';
import { RuleStats } from '../../../src/core/counting/rule-stats.ts';
import { DomainCompiler } from '../../../src/core/rules/domain-rules.ts';
import { explain } from '../../../src/core/rules/explain.ts';
import {
  exactKeyFormat,
  type KeyFormat,
  referenceKeyFormat,
} from '../../../src/core/rules/key-format.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Check } from '../../../src/core/verdict/check.ts';
import {
  compileDomain,
  flatten,
  type TestDescriptor,
  testDescriptor,
  testLimit,
} from '../../support/rules.ts';

function match(descriptors: TestDescriptor[], text: string) {
  const check = new Check();
  compileDomain('d', descriptors).match(testDescriptor(text), check);
  return check;
}

const shop: TestDescriptor[] = [
  { key: 'path', value: '/checkout', limit: '2/hour' },
  { key: 'path', limit: '5/hour' },
  { key: 'path', value: '/health' },
  {
    key: 'user',
    children: [
      { key: 'plan', value: 'gold', limit: { requestsPerUnit: 3, name: 'gold-daily' } },
      { key: 'plan', limit: '1/day' },
    ],
  },
];
const wild: TestDescriptor[] = [
  { key: 'file', value: 'img/*', limit: '2/hour' },
  { key: 'file', value: '*.css', limit: '3/hour' },
  { key: 'file', value: 'a*b*c', limit: '1/hour' },
  { key: 'file', value: 'img/logo', limit: '7/hour' },
  { key: 'file', value: 'zip/*' },
  { key: 'file', limit: '9/hour' },
  { key: 'any', value: '*', limit: '4/hour' },
  { key: 'us*', limit: '6/hour' },
  { key: 'usage', value: 'x*', limit: '8/hour' },
];
const deep: TestDescriptor[] = [
  { key: 'a', value: '1', children: [{ key: 'b', value: 'x', limit: '1/hour' }] },
  { key: 'a', children: [{ key: 'b', limit: '4/hour' }] },
];

describe('match', () => {
  it.each([
    ['the exact value first', shop, 'path=/checkout', 2],
    ['the key without a value next', shop, 'path=/list', 5],
    ['nothing for a value listed without a limit', shop, 'path=/health', null],
    ['an empty value by the key alone', shop, 'path=', 5],
    ['a nested rule', shop, 'user=ann,plan=gold', 3],
    ['a nested default', shop, 'user=ann,plan=free', 1],
    ['nothing when the request is shallower than the rule', shop, 'user=ann', null],
    ['nothing when the request is deeper than the rule', shop, 'user=a,plan=gold,x=y', null],
    ['nothing out of order', shop, 'plan=gold,user=ann', null],
    ['nothing without entries', shop, '', null],
    ['nothing for an empty key', shop, '=x', null],
    ['a wildcard in file order', wild, 'file=img/x.css', 2],
    ['the later wildcard when the first does not fit', wild, 'file=x.css', 3],
    ['a literal before any wildcard', wild, 'file=img/logo', 7],
    ['an empty run for a star', wild, 'file=img/', 2],
    ['two stars', wild, 'file=aXbYc', 1],
    ['two stars around nothing', wild, 'file=abc', 1],
    ['no overlap of pieces', wild, 'file=acb', 9],
    ['repeated pieces', wild, 'file=aabbcc', 1],
    ['a wildcard without a limit as no limit', wild, 'file=zip/9', null],
    ['a value that is spelled like the pattern', wild, 'file=img/*', 2],
    ['case-sensitively', wild, 'file=IMG/1', 9],
    ['a lone star on an empty value', wild, 'any=', 4],
    ['a star in the key over key and value', wild, 'user=bob', 6],
    ['the first in file order between key and value wildcards', wild, 'usage=xy', 6],
    ['no sibling once an exact value matched', deep, 'a=1,b=y', null],
    ['the default branch for other values', deep, 'a=2,b=y', 4],
  ] as const)('finds %s', (_name, rules, text, want) => {
    expect(match([...rules], text).rule?.requestsPerUnit ?? null).toBe(want);
  });

  it('does not confuse a key that holds an underscore with a key and its value', () => {
    expect(match([{ key: 'a_b', limit: '1/hour' }], 'a=b').rule).toBeNull();
    expect(match([{ key: 'a', value: 'b', limit: '1/hour' }], 'a_b=').rule).toBeNull();
  });

  it('keeps an unlimited rule out of the counters', () => {
    const check = match([{ key: 'k', limit: 'unlimited' }], 'k=v');
    expect([check.rule?.unlimited, check.key]).toEqual([true, '']);
  });

  it('takes an override instead of the tree', () => {
    const check = new Check();
    const limit = { requestsPerUnit: 9, unit: Unit.DAY };
    compileDomain('d', shop).match(testDescriptor('path=/checkout,x=', { limit }), check);
    expect([check.limit, check.unit, check.rule?.path]).toEqual([9, Unit.DAY, 'path_/checkout.x']);
    expect(check.key).toBe('d1:d,4:path,1:x=9:/checkout,');
  });
});

describe('counter keys', () => {
  const shared: TestDescriptor[] = [
    { key: 'dir', value: 'd*', shareThreshold: true, children: [{ key: 'u', limit: '2/hour' }] },
    { key: 'own', value: 'o*', limit: '2/hour' },
    { key: 'k*', limit: '2/hour' },
    { key: 's*', value: 'x*', shareThreshold: true, limit: '2/hour' },
  ];
  it.each([
    ['a literal', shop, 'path=/checkout', 'h1:d,4:path=/checkout'],
    ['a default with the value of the request', shop, 'path=/x', 'h1:d,4:path=/x'],
    ['an empty value', shop, 'path=', 'h1:d,4:path='],
    ['nested dynamic values', shop, 'user=a,plan=b', 'd1:d,4:user,4:plan=1:a,b'],
    ['a dynamic value before a literal', shop, 'user=a,plan=gold', 'h1:d,4:user,4:plan=1:a,gold'],
    ['a wildcard with its own value', shared, 'own=o1', 'h1:d,3:own=o1'],
    ['a shared pattern, and the value below it', shared, 'dir=d1,u=x', 'h1:d,3:dir,1:u=2:d*,x'],
    ['a wildcard key with its own key and value', shared, 'kind=a', 'h1:d,4:kind=a'],
    ['a shared wildcard key', shared, 'sx=x1', 'h1:d,2:sx=s*_x*'],
  ] as const)('spell %s', (_name, rules, text, want) => {
    const check = new Check();
    compileDomain('d', [...rules]).match(testDescriptor(text), check);
    expect(check.key).toBe(want);
  });

  it('are the same for a rule and an override of the same descriptor and unit', () => {
    const domain = compileDomain('d', shop);
    const [rule, override] = [new Check(), new Check()];
    domain.match(testDescriptor('path=/checkout'), rule);
    domain.match(
      testDescriptor('path=/checkout', { limit: { requestsPerUnit: 1, unit: Unit.HOUR } }),
      override,
    );
    expect(override.key).toBe(rule.key);
    expect([override.scope, override.rest]).toEqual([rule.scope, rule.rest]);
  });

  it('differ where parts move between key, value and domain', () => {
    const keys = ['a=b_c', 'a_b=c', 'a=b,c=', 'a=,b=c'].map((text) => {
      const check = new Check();
      const limit = { requestsPerUnit: 1, unit: Unit.HOUR };
      compileDomain('d', []).match(testDescriptor(text, { limit }), check);
      return check.key;
    });
    expect(new Set(keys).size).toBe(4);
    const exact = exactKeyFormat('');
    expect(exact.scope('a_b', Unit.HOUR, [])).not.toBe(exact.scope('a', Unit.HOUR, ['b']));
  });

  it('of leased rules are exact, whatever the others are', () => {
    const leased: TestDescriptor[] = [
      { key: 'a', value: '1', limit: { requestsPerUnit: 1, isLeased: true } },
      { key: 'a', limit: { requestsPerUnit: 1, isLeased: true } },
      { key: 'a', value: 'x*', shareThreshold: true, limit: { isLeased: true } },
      { key: 'w*', limit: { requestsPerUnit: 1, isLeased: true } },
      { key: 'b', limit: '1/hour' },
    ];
    const keyOf = (keyFormat: KeyFormat, text: string): string => {
      const check = new Check();
      compileDomain('d', leased, { keyFormat }).match(testDescriptor(text), check);
      return check.key;
    };
    for (const text of ['a=1', 'a=2_', 'a=xy', 'wide=1']) {
      const key = keyOf(referenceKeyFormat('pre:'), text);
      expect(key).toMatch(/^pre:h1:d,/);
      expect(key).toBe(keyOf(exactKeyFormat('pre:'), text));
    }
    expect(keyOf(referenceKeyFormat('pre:'), 'b=1')).toBe('pre:d_b_1_');
  });

  it('follow the reference when asked, and carry the prefix', () => {
    const check = new Check();
    const keyFormat = referenceKeyFormat('pre:');
    compileDomain('d', shop, { keyFormat }).match(testDescriptor('user=a,plan=gold'), check);
    expect(check.key).toBe('pre:d_user_a_plan_gold_');
    compileDomain('d', shop, { keyFormat: exactKeyFormat('p:') }).match(
      testDescriptor('path=/x'),
      check,
    );
    expect(check.key).toBe('p:h1:d,4:path=/x');
  });
});

describe('stats paths', () => {
  const rules: TestDescriptor[] = [
    { key: 'plain', limit: '1/hour' },
    { key: 'detailed', detailedMetric: true, limit: '1/hour' },
    { key: 'tenant', valueToMetric: true, children: [{ key: 'route', limit: '1/hour' }] },
    { key: 'wild', value: 'w*', limit: '1/hour' },
    { key: 'wv', value: 'w*', valueToMetric: true, limit: '1/hour' },
    { key: 'files', value: 'f*', shareThreshold: true, valueToMetric: true, limit: '1/hour' },
    {
      key: 'sd',
      value: 's*',
      shareThreshold: true,
      children: [{ key: 'x', detailedMetric: true, limit: '1/hour' }],
    },
    { key: 'lit', value: 'v', detailedMetric: true, limit: '1/hour' },
  ];
  it.each([
    ['plain=1', 'plain'],
    ['detailed=val', 'detailed_val'],
    ['detailed=', 'detailed_'],
    ['tenant=t1,route=r1', 'tenant_t1.route'],
    ['tenant=,route=r1', 'tenant.route'],
    ['wild=wa', 'wild_w*'],
    ['wv=wa', 'wv_wa'],
    ['files=fa', 'files_f*'],
    ['sd=s1,x=y', 'sd_s*.x_y'],
    ['sd=s1,x=', 'sd_s*.x'],
    ['lit=v', 'lit_v'],
  ])('of %s is %s', (text, path) => {
    const stats = new Map<string, RuleStats>();
    const check = new Check();
    compileDomain('d', rules, { stats }).match(testDescriptor(text), check);
    expect(check.rule).not.toBeNull();
    expect(check.stats).toBe(stats.get(path));
  });
});

describe('DomainCompiler', () => {
  it('refuses a descriptor without a parent', () => {
    const compiler = new DomainCompiler('d', {
      keyFormat: exactKeyFormat(''),
      nearLimitRatio: 0.8,
      bindStats: () => new RuleStats(),
      failureMode: 'error',
      bindCallerStats: () => new RuleStats(),
    });
    const [orphan] = flatten([{ key: 'a' }], 2);
    expect(() => compiler.add(orphan as never)).toThrow(RangeError);
  });

  it('counts rules and computes the near threshold in single precision', () => {
    const domain = compileDomain('d', [{ key: 'a', limit: '10/hour' }, ...shop]);
    expect(domain.ruleCount).toBe(5);
    const near = (limit: number, ratio: number) => {
      const check = new Check();
      compileDomain('d', [{ limit: { ...testLimit('1/hour'), requestsPerUnit: limit } }], {
        nearLimitRatio: ratio,
      }).match(testDescriptor('k=v'), check);
      return check.rule?.nearThreshold;
    };
    expect([
      near(10, 0.8),
      near(1, 0.8),
      near(0, 0.8),
      near(5, 0.8),
      near(4294967295, 0.8),
    ]).toEqual([8, 0, 0, 4, 3435973888]);
  });
});

describe('explain', () => {
  const domain = compileDomain('d', [...shop, ...wild.slice(0, 7)]);
  it('lists what was tried, in order, up to what matched', () => {
    const { levels, rule, counterKey } = explain(domain, testDescriptor('file=x.css'));
    expect(levels).toEqual([
      {
        entry: 'file=x.css',
        tried: ['file_x.css', 'file_img/*', 'file_*.css'],
        matched: 'file_*.css',
      },
    ]);
    expect([rule?.requestsPerUnit, counterKey]).toEqual([3, 'h1:d,4:file=x.css']);
  });
  it.each([
    ['file=zip/1', 'the descriptor that matched has no rate_limit of its own'],
    ['nope=1', 'no descriptor of the limits file fits nope=1 at this level'],
    ['', 'the descriptor has no entries'],
    ['user=a,plan=gold,deeper=1', 'no descriptor of the limits file fits deeper=1 at this level'],
    ['user=a,nope=1,deeper=1', 'no descriptor of the limits file fits nope=1 at this level'],
  ])('says why %s has no limit', (text, reason) => {
    expect(explain(domain, testDescriptor(text)).reason).toBe(reason);
  });
});
