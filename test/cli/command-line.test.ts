import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { USAGE } from '../../src/cli/command-line.ts';
import { parseDescriptor } from '../../src/cli/parse-descriptor.ts';
import { limitsOf } from '../rules/support.ts';
import { type Ran, weir } from './run-weir.ts';

const HOUR = 'rate_limit: {unit: hour, requests_per_unit: 1}';
const BAD = 'domain: x\nfoo: 1\n';

describe('weir check', () => {
  test('of good files says how much was checked', () => {
    const files = { a: limitsOf('x', 'k', 'j'), b: limitsOf('y', 'k') };
    expect(weir(['check', 'DIR'], files)).toEqual({
      code: 0,
      printed: ['2 files, 3 rules: 0 errors, 0 warnings'],
      complained: [],
    });
  });

  test('prints every problem of every file, in file order', () => {
    const files = {
      b: 'domain: x\nunit: hour\n',
      a: `${BAD}descriptors: [{}]\n`,
      c: limitsOf('y', 'k'),
    };
    expect(weir(['check', 'DIR'], files)).toEqual({
      code: 1,
      printed: [
        "DIR/a:2:1 foo config error, unknown key 'foo'",
        'DIR/a:3:15 descriptors[0].key descriptor has empty key',
        "DIR/b:1:9 domain duplicate domain 'x' in config file: DIR/a has it too",
        "DIR/b:2:1 unit warning: 'unit' does nothing here: it belongs to rate_limit",
        '3 files, 1 rule: 3 errors, 1 warning',
      ],
      complained: [],
    });
  });

  test('warnings alone are no failure', () => {
    expect(weir(['check', 'DIR'], { a: 'domain: x\nunit: hour\n' }).code).toBe(0);
  });

  test('merges domains and leaves out dot files when told to', () => {
    const files = { a: limitsOf('x', 'k'), b: limitsOf('x', 'j'), '.c': BAD };
    expect(weir(['check', 'DIR'], files).code).toBe(1);
    expect(weir(['check', 'DIR', '--merge-domains', '--ignore-dot-files'], files).code).toBe(0);
  });

  test('of a directory that is not there fails', () => {
    const { code, printed } = weir(['check', 'DIR/none']);
    expect(code).toBe(1);
    expect(printed[0]).toBe(
      'DIR/none: error opening directory DIR/none: open DIR/none: no such file or directory',
    );
  });
});

describe("the reference's check", () => {
  test.each([
    [['-config_dir', 'DIR']],
    [['--config_dir=DIR']],
    [['check', '-config_dir', 'DIR']],
    [['-config_dir', 'DIR', '-merge_domain_configs=false']],
  ])('answers to %j', (words) => {
    const files = { b: limitsOf('x', 'k'), a: limitsOf('y', 'k') };
    expect(weir(words, files)).toEqual({
      code: 0,
      printed: [
        'checking rate limit configs...',
        'loading config directory: DIR',
        'opening config file: DIR/a',
        'opening config file: DIR/b',
        'all rate limit configs ok',
      ],
      complained: [],
    });
  });

  test('merges domains', () => {
    const files = { a: limitsOf('x', 'k'), b: limitsOf('x', 'j') };
    expect(weir(['-config_dir', 'DIR'], files).printed[4]).toBe(
      "error loading rate limit configs: DIR/b: duplicate domain 'x' in config file",
    );
    expect(weir(['-merge_domain_configs', '-config_dir', 'DIR'], files).code).toBe(0);
  });

  test('reports unreadable text of any file before wrong rules of an earlier one', () => {
    const files = { a: 'domain: x\ndescriptors: [{}]\n', b: BAD };
    const { code, printed } = weir(['-config_dir', 'DIR'], files);
    expect(code).toBe(1);
    expect(printed.slice(4)).toEqual([
      "error loading rate limit configs: DIR/b: config error, unknown key 'foo'",
      'DIR/a:2:15 descriptors[0].key descriptor has empty key',
      "DIR/b:1:9 domain duplicate domain 'x' in config file: DIR/a has it too",
      "DIR/b:2:1 foo config error, unknown key 'foo'",
    ]);
  });

  test.each([['DIR/none'], ['']])('of the directory %j that is not there fails', (directory) => {
    const { code, printed } = weir(['-config_dir', directory]);
    expect(code).toBe(1);
    expect(printed[2]).toMatch(/^error opening directory .*: open .*: no such file or directory$/);
    expect(printed).toHaveLength(3);
  });
});

describe('weir explain', () => {
  const LIMITS = {
    a: `domain: x
descriptors:
  - key: tenant
    descriptors:
      - key: path
        value: /api/*
        shadow_mode: true
        rate_limit: {unit: minute, requests_per_unit: 5, name: api, replaces: [{name: other}]}
      - key: path
        value: /free
        rate_limit: {unlimited: true}
      - key: path
        quota_mode: true
        rate_limit: {unit: day, requests_per_unit: 9}
`,
  };
  const explain = (descriptor: string, ...more: string[]): Ran =>
    weir(['explain', '--config', 'DIR', 'x', descriptor, ...more], LIMITS);

  test('shows what was tried at each level, the rule, its limit and its counter', () => {
    expect(explain('tenant=t,path=/api/v1')).toEqual({
      code: 0,
      printed: [
        '1. tenant=t',
        '     ✗ tenant_t',
        '     ✓ tenant',
        '2. path=/api/v1',
        '     ✗ path_/api/v1',
        '     ✓ path_/api/*',
        'rule: tenant.path_/api/* (name: api)',
        'limit: 5 per minute, shadow mode',
        'counter: m1:x,6:tenant,4:path=1:t,/api/v1',
        'replaces: other',
        'on store failure: as STORE_FAILURE_MODE says',
      ],
      complained: [],
    });
  });

  test('shows the counter as the reference spells it', () => {
    expect(explain('tenant=t,path=/z', '--reference-keys').printed.slice(-3)).toEqual([
      'limit: 9 per day, quota mode',
      'counter: x_tenant_t_path_/z_',
      'on store failure: as STORE_FAILURE_MODE says',
    ]);
  });

  test('an unlimited rule has no counter', () => {
    expect(explain('tenant=t,path=/free').printed.slice(-2)).toEqual([
      'rule: tenant.path_/free',
      'limit: unlimited',
    ]);
  });

  test('says why there is no limit', () => {
    expect(explain('nobody=1').printed.at(-1)).toMatch(/^no limit: no descriptor/);
    expect(explain('tenant=t').printed.at(-1)).toMatch(/^no limit: .*no rate_limit/);
  });

  test('of a broken file tells its problems', () => {
    const ran = weir(['explain', '--config', 'DIR', 'x', 'k=v'], { a: BAD });
    expect(ran).toEqual({
      code: 1,
      printed: [],
      complained: [
        "DIR/a:2:1 foo config error, unknown key 'foo'",
        "no valid file in DIR describes the domain 'x'",
      ],
    });
    expect(weir(['explain', '--config', 'DIR/none', 'x', 'k=v']).complained[0]).toContain(
      'error opening directory',
    );
  });

  test('a descriptor without a key is refused', () => {
    expect(explain('=v')).toMatchObject({
      code: 2,
      complained: ["'=v' is no descriptor: write key=value,key=value"],
    });
  });
});

describe('weir explain on a store that fails', () => {
  const MERGED = {
    a: `domain: x
on_store_failure: open
descriptors:
  - {key: plain, ${HOUR}}
  - {key: own, on_store_failure: open, ${HOUR}}
  - {key: free, critical: true, rate_limit: {unlimited: true}}
  - key: login
    value: web
    on_store_failure: closed
    critical: true
    descriptors:
      - {key: ip, on_store_failure: error, descriptors: [{key: port, ${HOUR}}]}
      - key: user
        descriptors:
          - {key: tenant, critical: false, ${HOUR}}
          - {key: tenant, value: 't*', detailed_metric: true, ${HOUR}}
  - {key: tenant, descriptors: [{key: user, ${HOUR}}]}
`,
    b: `domain: x\ndescriptors: [{key: silent, critical: true, ${HOUR}}]\n`,
  };

  test.each([
    ['plain=1', ['on store failure: open (from the domain)']],
    ['own=1', ['on store failure: open']],
    ['login=web,ip=1,port=2', ['on store failure: error (from ip)', 'critical: yes']],
    ['login=web,user=u,tenant', ['on store failure: closed (from login_web)']],
    ['login=web,user=u,tenant=t', ['on store failure: closed (from login_web)', 'critical: yes']],
    ['tenant=t,user=u', ['on store failure: open (from the domain)']],
    ['silent=1', ['on store failure: as STORE_FAILURE_MODE says', 'critical: yes']],
    ['free=1', []],
  ])('%s', (descriptor, lines) => {
    const words = ['explain', '--config', 'DIR', '--merge-domains', 'x', descriptor];
    const { code, printed } = weir(words, MERGED);
    expect(code).toBe(0);
    expect(printed.filter((line) => /^(on store failure|critical): /.test(line))).toEqual(lines);
  });

  test('a mode that is none is a problem that weir check tells', () => {
    const files = { a: 'domain: x\non_store_failure: opne\n' };
    expect(weir(['check', 'DIR'], files)).toMatchObject({
      code: 1,
      printed: [
        "DIR/a:2:19 on_store_failure on_store_failure must be local, open, closed or error, not 'opne'",
        '1 file, 0 rules: 1 error, 0 warnings',
      ],
    });
    expect(weir(['-config_dir', 'DIR'], files).printed[3]).toBe(
      "error loading rate limit configs: DIR/a: on_store_failure must be local, open, closed or error, not 'opne'",
    );
  });
});

describe('a domain that is charged whole or not at all', () => {
  const FILES = {
    a: `domain: x\ndescriptors: [{key: k, ${HOUR}}, {key: free, rate_limit: {unlimited: true}}]\n`,
    b: 'domain: x\ncharge: all_or_nothing\n',
  };
  const words = (descriptor: string): string[] => {
    return ['explain', '--config', 'DIR', '--merge-domains', 'x', descriptor];
  };

  test('is explained with each rule that counts, whichever file says it', () => {
    const line = 'charge: all_or_nothing (from the domain)';
    expect(weir(words('k=1'), FILES).printed.at(-1)).toBe(line);
    expect(weir(words('free=1'), FILES).printed).not.toContain(line);
    expect(weir(words('k=1'), { ...FILES, b: 'domain: x\ncharge: all\n' }).printed).not.toContain(
      line,
    );
  });

  test('is checked: near misses and contradictions have their place', () => {
    const files = {
      a: 'domain: x\ncharge: all-or-nothing\n',
      b: 'domain: y\ncharge: all\n',
      c: 'charge: all_or_nothing\ndomain: y\n',
    };
    expect(weir(['check', 'DIR', '--merge-domains'], files)).toMatchObject({
      code: 1,
      printed: [
        "DIR/a:2:9 charge charge must be all or all_or_nothing, not 'all-or-nothing'",
        'DIR/c:1:9 charge charge must be the same in all files of a domain: DIR/b says all',
        '3 files, 0 rules: 2 errors, 0 warnings',
      ],
    });
  });
});

describe('a descriptor as typed', () => {
  test.each([
    ['k=v', [['k', 'v']]],
    ['k', [['k', '']]],
    ['k=', [['k', '']]],
    [
      'k=a=b,j=c',
      [
        ['k', 'a=b'],
        ['j', 'c'],
      ],
    ],
    [
      'k=a\\,b,j=\\\\',
      [
        ['k', 'a,b'],
        ['j', '\\'],
      ],
    ],
    ['k=a\\', [['k', 'a\\']]],
  ])('%s', (text, entries) => {
    const read = parseDescriptor(text)?.entries.map(({ key, value }) => [key, value]);
    expect(read).toEqual(entries);
  });

  test.each(['', ',k=v', 'k=v,', '=v'])('%j has an entry without a key', (text) => {
    expect(parseDescriptor(text)).toBeNull();
  });
});

describe('the command line', () => {
  test.each(['--help', '-h', 'help'])('%s shows the usage', (word) => {
    expect(weir([word])).toEqual({ code: 0, printed: [USAGE], complained: [] });
  });

  test.each(['--version', '-v'])('%s shows the version', (word) => {
    expect(weir([word]).printed).toEqual(['1.2.3']);
  });

  test.each<[string[], string]>([
    [[], 'no command'],
    [['chekc'], "unknown command 'chekc'"],
    [['check'], 'check needs the directory'],
    [['check', 'a', 'b'], "check takes one directory, not also 'b'"],
    [['check', '--frob'], "Unknown option '--frob'"],
    [['explain', 'x', 'k=v'], 'explain needs --config DIR'],
    [['explain', '--config', 'DIR', 'x'], 'explain needs a domain and one descriptor'],
    [
      ['explain', '--config', 'DIR', 'x', 'k=v', 'more'],
      'explain needs a domain and one descriptor',
    ],
    [['explain', '--frob'], "Unknown option '--frob'"],
    [['-config_dir', 'DIR', 'more'], "'more' is no flag of the check"],
  ])('%j is refused with a hint', (words, complaint) => {
    const { code, printed, complained } = weir(words);
    expect(code).toBe(2);
    expect(printed).toEqual([]);
    expect(complained[0]).toContain(complaint);
    expect(complained[1]).toBe("Try 'weir --help'.");
  });

  test('weir is a program', async () => {
    const script = fileURLToPath(new URL('../../src/cli/weir.ts', import.meta.url));
    const example = fileURLToPath(new URL('../../config/limits/example.yaml', import.meta.url));
    const exec = promisify(execFile);
    const { stdout } = await exec(process.execPath, [script, 'check', dirname(example)]);
    expect(stdout).toMatch(/^1 file, \d+ rules: 0 errors, 0 warnings\n$/);
    await expect(exec(process.execPath, [script, 'nonsense'])).rejects.toMatchObject({ code: 2 });
  });
});
