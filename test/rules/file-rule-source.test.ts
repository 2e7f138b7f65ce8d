/** Loading and reloading real files. Tests wait for what a load tells, never for a time. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { FOLDER_DEPTH_MAX } from '../../src/rules/bounds.ts';
import { limitOf, loadedSource } from './loaded-source.ts';
import { limitsDirectory, limitsOf, makePipe } from './support.ts';

/** One rule of `n` requests for every value of key `k`. */
const withLimit = (domain: string, n: number): string =>
  `domain: ${domain}\ndescriptors:\n  - {key: k, rate_limit: {unit: hour, requests_per_unit: ${n}}}\n`;

describe('the first load', () => {
  test('puts every domain in force', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1), 'sub/b': limitsOf('y', 'k', 'j') });
    const { source, first, told } = await loadedSource(path);
    expect(told).toEqual(['loaded']);
    expect(first.stats).toMatchObject({
      files: 2,
      domains: 2,
      rules: 3,
      compiledDomains: 2,
      errors: 0,
    });
    expect(source.current).toBe(first.set);
    expect(source.current?.version).toBe(1);
    expect([...(source.current?.domains.keys() ?? [])].sort()).toEqual(['x', 'y']);
    expect(limitOf(source.current, 'x', 'k', 'v')).toBe(1);
  });

  test('of an empty directory is an empty set', async () => {
    const { source, told } = await loadedSource(limitsDirectory());
    expect(told).toEqual(['loaded']);
    expect(source.current?.domains.size).toBe(0);
  });

  test('with errors only leaves nothing in force', async () => {
    const { source, first, told } = await loadedSource(
      limitsDirectory({ a: 'domain: x\nfoo: 1\n' }),
    );
    expect(told).toEqual(['rejected']);
    expect(source.current).toBeNull();
    expect(first.errors).toEqual(["a:2:1 foo config error, unknown key 'foo'"]);
  });

  test('of a directory that is not there leaves nothing in force', async () => {
    const path = join(limitsDirectory(), 'none');
    const { source, first } = await loadedSource(path);
    expect(source.current).toBeNull();
    expect(first.errors[0]).toContain('error opening directory');
  });

  test('of good and bad files puts the good ones in force and names the broken domains', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1), b: 'domain: y\nfoo: 1\n' });
    const { source, first, told } = await loadedSource(path);
    expect(told).toEqual(['loaded', 'rejected']);
    expect(limitOf(source.current, 'x', 'k')).toBe(1);
    expect(source.current?.brokenDomains).toEqual(new Set(['y']));
    expect(first.stats?.errors).toBe(1);
    expect(first.kept).toEqual([]);
  });

  test('tells warnings without refusing anything', async () => {
    const { first, told } = await loadedSource(limitsDirectory({ a: 'domain: x\nunit: hour\n' }));
    expect(told).toEqual(['loaded']);
    expect(first.stats?.warnings).toHaveLength(1);
  });

  test('of a domain in many slices keeps the order of its descriptors', async () => {
    const keys = Array.from({ length: 1201 }, (_, i) => `k=v${i}`);
    const { source, first } = await loadedSource(limitsDirectory({ a: limitsOf('x', ...keys) }));
    expect(first.stats?.rules).toBe(1201);
    expect(limitOf(source.current, 'x', 'k', 'v1200')).toBe(1);
  });
});

describe('each kind of change is seen', () => {
  test.each<[string, (path: string) => void]>([
    ['an edit in place', (path) => writeFileSync(join(path, 'a'), withLimit('x', 2))],
    ['an edit of the same length', (path) => writeFileSync(join(path, 'a'), withLimit('x', 2))],
    [
      'a rename over the file',
      (path) => {
        writeFileSync(join(dirname(path), 'new'), withLimit('x', 2));
        renameSync(join(dirname(path), 'new'), join(path, 'a'));
      },
    ],
    [
      'a file deleted and another in its place',
      (path) => {
        rmSync(join(path, 'a'));
        writeFileSync(join(path, 'b'), withLimit('x', 2));
      },
    ],
    [
      'a file in a new folder',
      (path) => {
        rmSync(join(path, 'a'));
        mkdirSync(join(path, 'sub'));
        writeFileSync(join(path, 'sub/a'), withLimit('x', 2));
      },
    ],
    [
      'the directory replaced',
      (path) => {
        renameSync(path, `${path}.old`);
        mkdirSync(path);
        writeFileSync(join(path, 'a'), withLimit('x', 2));
      },
    ],
  ])('%s', async (_name, change) => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { source, until } = await loadedSource(path);
    expect(limitOf(source.current, 'x', 'k')).toBe(1);
    change(path);
    await until(({ set }) => limitOf(set, 'x', 'k') === 2);
    expect(limitOf(source.current, 'x', 'k')).toBe(2);
  });

  test('a new file', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { until } = await loadedSource(path);
    writeFileSync(join(path, 'b'), withLimit('y', 2));
    const { set, stats } = await until((load) => limitOf(load.set, 'y', 'k') === 2);
    expect(set?.version).toBe(2);
    expect(stats?.compiledDomains).toBe(1);
  });

  test('a deleted file', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1), b: withLimit('y', 1) });
    const { until } = await loadedSource(path);
    rmSync(join(path, 'b'));
    const { set } = await until((load) => load.set?.domains.has('y') === false);
    expect(limitOf(set, 'x', 'k')).toBe(1);
  });

  test('a ConfigMap update: the ..data link swapped', async () => {
    const path = limitsDirectory({
      '..1/limits.yaml': withLimit('x', 1),
      '..2/limits.yaml': withLimit('x', 2),
    });
    symlinkSync('..1', join(path, '..data'));
    symlinkSync('..data/limits.yaml', join(path, 'limits.yaml'));
    const { until, first } = await loadedSource(path);
    expect(first.stats?.files).toBe(1);
    symlinkSync('..2', join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
    rmSync(join(path, '..1'), { recursive: true });
    await until(({ set }) => limitOf(set, 'x', 'k') === 2);
  });

  test('the swap of a root link above the directory', async () => {
    const base = limitsDirectory({
      'one/ratelimit/config/a': withLimit('x', 1),
      'two/ratelimit/config/a': withLimit('x', 2),
    });
    const root = join(base, 'current');
    symlinkSync('one', root);
    const { until } = await loadedSource(join(root, 'ratelimit/config'), { watchRoot: root });
    symlinkSync('two', join(base, 'next'));
    renameSync(join(base, 'next'), root);
    await until(({ set }) => limitOf(set, 'x', 'k') === 2);
  });

  test('a directory that appears after the start', async () => {
    const path = join(limitsDirectory(), 'later');
    const { until } = await loadedSource(path);
    mkdirSync(path);
    writeFileSync(join(path, 'a'), withLimit('x', 1));
    await until(({ set }) => limitOf(set, 'x', 'k') === 1);
  });
});

describe('a bad file', () => {
  test('keeps the rules it last provided while the changes of others apply', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1), b: withLimit('y', 1) });
    const { until, told } = await loadedSource(path);
    writeFileSync(join(path, 'a'), 'domain: x\nfoo: 1\n');
    const bad = await until(({ errors }) => errors.length > 0);
    expect(bad.kept).toEqual(['x']);
    expect(told.slice(-2)).toEqual(['loaded', 'rejected']);
    writeFileSync(join(path, 'b'), withLimit('y', 2));
    const { set, errors } = await until(
      (load) => limitOf(load.set, 'y', 'k') === 2 && load.errors.length > 0,
    );
    expect(limitOf(set, 'x', 'k')).toBe(1);
    expect(errors).toEqual(["a:2:1 foo config error, unknown key 'foo'"]);
    writeFileSync(join(path, 'a'), withLimit('x', 3));
    const mended = await until((load) => limitOf(load.set, 'x', 'k') === 3);
    expect(mended.errors).toEqual([]);
  });

  test('that goes back to its old text is in order again, without a new compilation', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { until, source } = await loadedSource(path);
    const rules = source.current?.domains.get('x');
    writeFileSync(join(path, 'a'), 'domain: x\nfoo: 1\n');
    await until(({ errors }) => errors.length > 0);
    writeFileSync(join(path, 'a'), withLimit('x', 1));
    const { stats } = await until(({ errors }) => errors.length === 0);
    expect(stats?.compiledDomains).toBe(0);
    expect(source.current?.domains.get('x')).toBe(rules);
  });

  test('that is deleted gives up its domain', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1), b: withLimit('y', 1) });
    const { until } = await loadedSource(path);
    writeFileSync(join(path, 'a'), '{');
    await until(({ errors }) => errors.length > 0);
    rmSync(join(path, 'a'));
    await until(({ set, errors }) => set?.domains.has('x') === false && errors.length === 0);
  });

  test('a directory that vanishes keeps everything in force', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { until, source } = await loadedSource(path);
    rmSync(path, { recursive: true });
    const { kept } = await until(({ errors }) => errors.length > 0);
    expect(kept).toEqual(['x']);
    expect(limitOf(source.current, 'x', 'k')).toBe(1);
  });
});

describe('merged files', () => {
  test('make one domain in the order of their names', async () => {
    const path = limitsDirectory({
      b: 'domain: x\ndescriptors: [{key: k, value: a*, rate_limit: {unit: hour, requests_per_unit: 2}}]',
      a: 'domain: x\ndescriptors: [{key: k, value: "*", rate_limit: {unit: hour, requests_per_unit: 1}}]',
    });
    const { source, first } = await loadedSource(path, { merge: true });
    expect(first.stats).toMatchObject({ files: 2, domains: 1, rules: 2 });
    expect(limitOf(source.current, 'x', 'k', 'ab')).toBe(1);
  });

  test('a duplicate keeps the domain as it was', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { until } = await loadedSource(path, { merge: true });
    writeFileSync(join(path, 'b'), withLimit('x', 2));
    const { set, kept, errors } = await until((load) => load.errors.length > 0);
    expect(limitOf(set, 'x', 'k')).toBe(1);
    expect(kept).toEqual(['x']);
    expect(errors[0]).toContain("duplicate descriptor composite key 'x.k'");
  });

  test('a part less leaves the others', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1), b: limitsOf('x', 'j') });
    const { until } = await loadedSource(path, { merge: true });
    rmSync(join(path, 'a'));
    const { set } = await until((load) => limitOf(load.set, 'x', 'k') === null);
    expect(limitOf(set, 'x', 'j')).toBe(1);
  });
});

describe('a load that fails', () => {
  test('for a reason that is not in the files keeps everything in force, and the next one may succeed', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    let isFull = false;
    const bindStats = (): RuleStats => {
      if (isFull) throw new Error('no room for counts');
      return new RuleStats();
    };
    const { until, source } = await loadedSource(path, { bindStats });
    isFull = true;
    writeFileSync(join(path, 'a'), withLimit('x', 2));
    const { errors, kept } = await until((load) => load.errors.length > 0);
    expect(errors).toEqual([`${path}: no room for counts`]);
    expect(kept).toEqual(['x']);
    expect(limitOf(source.current, 'x', 'k')).toBe(1);
    isFull = false;
    writeFileSync(join(path, 'a'), withLimit('x', 3));
    await until(({ set }) => limitOf(set, 'x', 'k') === 3);
  });
});

describe('a load that takes long', () => {
  test('is told once, and comes into force when it is done', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { until, told } = await loadedSource(path, { delayedMs: 1 });
    expect(told).toEqual(['delayed 1', 'loaded']);
    writeFileSync(join(path, 'a'), `${withLimit('x', 2)}#${' '.repeat(3_000_000)}`);
    await until(({ set }) => limitOf(set, 'x', 'k') === 2);
    expect(told).toEqual(['delayed 1', 'loaded', 'delayed 1', 'loaded']);
  });

  test('within the usual time is not told', async () => {
    const { told } = await loadedSource(limitsDirectory({ a: withLimit('x', 1) }));
    expect(told).toEqual(['loaded']);
  });
});

describe('what a writer to the directory can do', () => {
  test.each<[string, (path: string) => void]>([
    ['a named pipe', (path) => makePipe(join(path, 'z'))],
    ['a link to a device without end', (path) => symlinkSync('/dev/zero', join(path, 'z'))],
  ])('%s is a bad file, and reloads go on', async (_name, make) => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { until } = await loadedSource(path);
    make(path);
    const { errors } = await until((load) => load.errors.length > 0);
    expect(errors).toEqual([expect.stringMatching(/^z: .* not a regular file$/)]);
    writeFileSync(join(path, 'a'), withLimit('x', 2));
    await until(({ set }) => limitOf(set, 'x', 'k') === 2);
  });

  test('links to the directory within it do not slow it down', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    for (let i = 0; i < FOLDER_DEPTH_MAX; i++) symlinkSync('.', join(path, `l${i}`));
    const { until, first } = await loadedSource(path);
    expect(first.stats?.files).toBe(1);
    writeFileSync(join(path, 'a'), withLimit('x', 2));
    await until(({ set }) => limitOf(set, 'x', 'k') === 2);
  });
});

describe('closing', () => {
  test('gives up a load under way', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { source, told } = await loadedSource(path);
    await source.close();
    writeFileSync(join(path, 'a'), withLimit('x', 2));
    expect(told).toEqual(['loaded']);
  });

  test('before the first load is done leaves nothing behind', async () => {
    const path = limitsDirectory({ a: withLimit('x', 1) });
    const { source } = await loadedSource(path);
    const again = source.start();
    await source.close();
    await again;
    expect(source.current?.version).toBe(1);
  });
});
