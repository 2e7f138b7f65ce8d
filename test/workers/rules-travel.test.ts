/** Rules on their way through the supervisor to a worker. */
import { expect, test } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import type { CompileOptions, DomainRules } from '../../src/core/rules/domain-rules.ts';
import { exactKeyFormat } from '../../src/core/rules/key-format.ts';
import type { DescriptorConfig } from '../../src/core/rules/limits-file.ts';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { compileDomain } from '../../src/rules/compile-domain.ts';
import { KeptRules, type KeptSet, NO_RULES } from '../../src/workers/kept-rules.ts';
import type { RulesOrder } from '../../src/workers/protocol.ts';
import { ReceivedRuleSource } from '../../src/workers/received-rules.ts';
import { limitOf } from '../rules/loaded-source.ts';
import { flatten } from '../support/rules.ts';

const COMPILE: CompileOptions = {
  keyFormat: exactKeyFormat(''),
  nearLimitRatio: 0.8,
  failureMode: 'local',
  bindStats: () => new RuleStats(),
  bindCallerStats: () => new RuleStats(),
};

async function* inSlices(
  ...slices: readonly (readonly DescriptorConfig[])[]
): AsyncGenerator<readonly DescriptorConfig[]> {
  yield* slices;
}

/** Compiles as a load does, with the supervisor looking on. */
async function load(
  kept: KeptRules,
  domain: string,
  ...limits: readonly string[]
): Promise<DomainRules> {
  const slices = limits.map((limit, index) => flatten([{ key: `k${index}`, limit }]));
  return compileDomain(domain, kept.tap(domain, inSlices(...slices)), COMPILE);
}

function ruleSet(version: number, domains: Readonly<Record<string, DomainRules>>): RuleSet {
  return { version, domains: new Map(Object.entries(domains)), brokenDomains: new Set(['bad']) };
}

interface Received {
  readonly source: ReceivedRuleSource;
  readonly ready: number[];
  readonly current: RuleSet[];
  /** Sends what is not among the revisions known; resolves with the orders when it is compiled. */
  send(set: KeptSet, known?: readonly number[]): Promise<readonly RulesOrder[]>;
}

function receiver(): Received {
  const ready: number[] = [];
  const current: RuleSet[] = [];
  const source = new ReceivedRuleSource({
    compile: COMPILE,
    onReady: (version) => ready.push(version),
    onCurrent: (set) => current.push(set),
  });
  return {
    source,
    ready,
    current,
    async send({ version, domains, broken }, known = []) {
      const fresh = domains.filter(({ revision }) => !known.includes(revision));
      const orders: RulesOrder[] = [
        ...fresh.flatMap(({ revision, slices }) =>
          slices.map((slice) => ({ kind: 'slice' as const, revision, slice })),
        ),
        {
          kind: 'rules',
          version,
          domains: domains.map(({ domain, revision }) => ({ domain, revision })),
          broken,
        },
      ];
      for (const order of orders) source.receive(structuredClone(order));
      await expect.poll(() => ready.at(-1)).toBe(version);
      return orders;
    },
  };
}

test('a worker answers by what the supervisor loaded, from the commit on', async () => {
  const kept = new KeptRules();
  const set = kept.take(ruleSet(1, { shop: await load(kept, 'shop', '5/hour', '7/hour') }));
  const { source, ready, current, send } = receiver();
  let isStarted = false;
  const started = source.start().then(() => {
    isStarted = true;
  });
  await send(set);
  expect([ready, current, source.current, isStarted]).toEqual([[1], [], null, false]);
  source.receive({ kind: 'commit', version: 1 });
  await started;
  expect(current).toEqual([source.current]);
  expect(limitOf(source.current, 'shop', 'k0')).toBe(5);
  expect(limitOf(source.current, 'shop', 'k1')).toBe(7);
  expect(source.current).toMatchObject({ version: 1, brokenDomains: new Set(['bad']) });
});

test('only domains that changed travel again, and the others stay as they were compiled', async () => {
  const kept = new KeptRules();
  const shop = await load(kept, 'shop', '5/hour');
  const first = kept.take(ruleSet(1, { shop, edge: await load(kept, 'edge', '6/hour') }));
  const { source, send } = receiver();
  await send(first);
  source.receive({ kind: 'commit', version: 1 });
  const before = source.current?.domains.get('shop');
  const second = kept.take(ruleSet(2, { shop, edge: await load(kept, 'edge', '60/hour') }));
  const orders = await send(
    second,
    first.domains.map(({ revision }) => revision),
  );
  expect(orders.map(({ kind }) => kind)).toEqual(['slice', 'rules']);
  expect(limitOf(source.current, 'edge', 'k0')).toBe(6);
  source.receive({ kind: 'commit', version: 2 });
  expect(limitOf(source.current, 'edge', 'k0')).toBe(60);
  expect(source.current?.domains.get('shop')).toBe(before);
});

test('the newest set holds all a worker needs that was not there before', async () => {
  const kept = new KeptRules();
  const shop = await load(kept, 'shop', '5/hour');
  kept.take(ruleSet(1, { shop }));
  const latest = kept.take(ruleSet(2, { shop, empty: await load(kept, 'empty') }));
  const { source, send } = receiver();
  await send(latest);
  source.receive({ kind: 'commit', version: 2 });
  expect(limitOf(source.current, 'shop', 'k0')).toBe(5);
  expect(limitOf(source.current, 'empty', 'k0')).toBeNull();
});

test('a commit of what is not prepared changes nothing', async () => {
  const { source, current } = receiver();
  source.receive({ kind: 'commit', version: 3 });
  expect([source.current, current]).toEqual([null, []]);
});

test('without any valid file a worker starts, with no rules', async () => {
  const { source, current, send } = receiver();
  await send(NO_RULES);
  source.receive({ kind: 'commit', version: 0 });
  await source.start();
  expect([source.current, current]).toEqual([null, []]);
});

test('a close frees a start that still waits for rules', async () => {
  const { source } = receiver();
  const started = source.start();
  await source.close();
  await started;
});
