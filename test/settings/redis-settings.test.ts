/** What the REDIS_* variables say: where Redis is, how it is logged in to, and a second one. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { describeSettings } from '../../src/settings/describe-settings.ts';
import { type Environment, readSettings } from '../../src/settings/read-settings.ts';
import type { Settings } from '../../src/settings/settings.ts';

function read(env: Environment): Settings {
  const result = readSettings(env);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.settings;
}

function problemsOf(env: Environment): readonly string[] {
  const result = readSettings(env);
  return 'problems' in result ? result.problems : [];
}

describe('a request goes to Redis in one call', () => {
  const redis = { REDIS_URL: 'r:1' };
  it.each([
    { REDIS_BATCH_CHARGES_MAX: '255' },
    { REQUEST_DESCRIPTORS_MAX: '1001' },
    { REDIS_BATCH_CHARGES_MAX: '1', REQUEST_DESCRIPTORS_MAX: '2' },
  ])('%j is refused, by both names', (env) => {
    const [charges, descriptors] = [
      env.REDIS_BATCH_CHARGES_MAX ?? '1000',
      env.REQUEST_DESCRIPTORS_MAX ?? '256',
    ];
    expect(problemsOf({ ...redis, ...env })).toEqual([
      `REDIS_BATCH_CHARGES_MAX=${charges} must be at least ` +
        `REQUEST_DESCRIPTORS_MAX=${descriptors}, as the descriptors of a request are counted in ` +
        'one call: raise the one or lower the other',
    ]);
    // Memory knows no calls.
    expect(problemsOf(env)).toEqual([]);
  });

  it('may hold just as many descriptors as charges', () => {
    const env = { REDIS_BATCH_CHARGES_MAX: '256', REQUEST_DESCRIPTORS_MAX: '256' };
    expect(read({ ...redis, ...env }).redis?.batchChargesMax).toBe(256);
  });
});

describe('REDIS_URL and REDIS_AUTH', () => {
  it.each([
    [{ REDIS_URL: 'r:1' }, { kind: 'tcp', host: 'r', port: 1 }],
    [
      { REDIS_URL: '[::1]:7', REDIS_SOCKET_TYPE: 'tcp' },
      { kind: 'tcp', host: '::1', port: 7 },
    ],
    [{ REDIS_URL: '/run/r.sock' }, { kind: 'unix', path: '/run/r.sock' }],
    [
      { REDIS_URL: '/r', REDIS_SOCKET_TYPE: 'unix' },
      { kind: 'unix', path: '/r' },
    ],
    [{ REDIS_URL: 'redis://r' }, { kind: 'tcp', host: 'r', port: 6379 }],
    [{ REDIS_URL: 'redis://[::1]:7/' }, { kind: 'tcp', host: '::1', port: 7 }],
    [{ BACKEND_TYPE: 'redis' }, { kind: 'unix', path: '/var/run/nutcracker/ratelimit.sock' }],
  ])('%j is %j', (env, target) => {
    expect(read(env as Environment).redis?.target).toEqual(target);
  });

  it.each([
    [{ REDIS_URL: 'r' }, 'host:port'],
    [{ REDIS_URL: ':6379' }, 'host:port'],
    [{ REDIS_URL: 'r:0' }, 'host:port'],
    [{ REDIS_URL: 'r:1', REDIS_SOCKET_TYPE: 'unix' }, 'a path'],
    [{ REDIS_URL: 'redis://r:1', REDIS_SOCKET_TYPE: 'unix' }, 'a path'],
    [{ REDIS_URL: '/r', REDIS_SOCKET_TYPE: 'tcp' }, 'host:port'],
    [{ REDIS_URL: 'mymaster,r:1,r:2' }, 'one Redis, as its type is SINGLE'],
    [{ REDIS_URL: 'redis://' }, 'host:port'],
    [{ REDIS_URL: 'redis://r:0' }, 'host:port'],
    [{ REDIS_URL: 'redis://r:99999' }, 'host:port'],
    [{ REDIS_URL: 'redis://r/x' }, 'host:port'],
    [{ REDIS_URL: 'redis://r/1?timeout=5' }, 'host:port'],
    [{ REDIS_URL: 'redis://:%zz@r' }, 'host:port'],
  ])('%j is told %s', (env, text) => {
    expect(problemsOf(env as Environment)).toEqual([expect.stringContaining(text)]);
  });

  it('take user, password and database from the URL, and REDIS_AUTH before it', () => {
    const fromUrl = read({ REDIS_URL: 'redis://u:p%40ss@r/3' }).redis;
    expect(fromUrl).toMatchObject({ username: 'u', database: 3 });
    expect(fromUrl?.password?.reveal()).toBe('p@ss');
    const both = read({ REDIS_URL: 'redis://u:p@r/3', REDIS_AUTH: 'v:q:w' }).redis;
    expect(both).toMatchObject({ username: 'v', database: 3 });
    expect(both?.password?.reveal()).toBe('q:w');
    const only = read({ REDIS_URL: 'r:1', REDIS_AUTH: 'q' }).redis;
    expect(only?.username).toBe('');
    expect(only?.password?.reveal()).toBe('q');
    expect(read({ REDIS_URL: 'r:1' }).redis?.password).toBeNull();
  });

  it('never show a secret, whatever is printed', () => {
    const env = {
      REDIS_URL: 'redis://u:hush1@r/3',
      REDIS_AUTH: 'hush2',
      REDIS_SENTINEL_AUTH: 'hush3',
      REDIS_PERSECOND_AUTH: 'hush4',
      REDIS_PERSECOND_URL: 'redis://:hush5@r',
      CONFIG_GRPC_XDS_CLIENT_ADDITIONAL_HEADERS: 'authorization:hush6',
    };
    const { notes } = readSettings(env);
    const settings = read(env);
    const shown = [
      notes,
      JSON.stringify(settings),
      inspect(settings, { depth: 9 }),
      String(settings.redis?.password),
      JSON.stringify(describeSettings(settings)),
      problemsOf({ ...env, REDIS_URL: 'hush7', REDIS_AUTH: 'hush8\n' }),
    ];
    expect(inspect(shown, { depth: 9, maxStringLength: null })).not.toContain('hush');
    expect(notes.filter((note) => note.includes('***'))).toHaveLength(1);
    const sentinel = {
      REDIS_TYPE: 'SENTINEL',
      REDIS_URL: 'rl,hush9',
      REDIS_SENTINEL_AUTH: 'hush3',
    };
    const good = read({ ...sentinel, REDIS_URL: 'rl,s:1' });
    expect(inspect([problemsOf(sentinel), good], { depth: 9 })).not.toContain('hush');
  });
});

describe('REDIS_TYPE=SENTINEL', () => {
  const env = { REDIS_TYPE: 'sentinel', REDIS_URL: 'rl, a:1,[::1]:26379' };

  it('takes the name of the primary and the sentinels', () => {
    const { redis } = read({ ...env, REDIS_AUTH: 'u:p', REDIS_SENTINEL_AUTH: 'v:q' });
    expect(redis?.target).toMatchObject({
      kind: 'sentinel',
      primary: 'rl',
      sentinels: [
        { host: 'a', port: 1 },
        { host: '::1', port: 26_379 },
      ],
      username: 'v',
    });
    if (redis?.target.kind === 'sentinel') expect(redis.target.password?.reveal()).toBe('q');
    expect(redis).toMatchObject({ username: 'u', database: 0, tls: null });
    expect(readSettings(env).notes).toEqual(readSettings({ REDIS_URL: '/r' }).notes);
    expect(describeSettings(read(env))).toMatchObject({ redis: 'rl of a:1,[::1]:26379' });
  });

  it.each([
    ['rl', 'Expected master name and a list of urls for the sentinels'],
    ['', 'Expected master name'],
    [',a:1', 'a name is of letters'],
    ['rl,a:1,b', 'sentinel 2 is no host:port'],
    ['rl,redis://a:1', 'sentinel 1 is no host:port'],
    [`rl${',a:1'.repeat(33)}`, 'at most 32 sentinels'],
  ])('REDIS_URL=%s: %s', (url, text) => {
    const problems = problemsOf({ BACKEND_TYPE: 'redis', REDIS_TYPE: 'SENTINEL', REDIS_URL: url });
    expect(problems).toEqual([expect.stringContaining(text)]);
    expect(problems[0]).toContain('for example REDIS_URL=mymaster,sentinel-1:26379');
  });

  it('is not reached by a path', () => {
    expect(problemsOf({ ...env, REDIS_SOCKET_TYPE: 'unix' })).toEqual([
      expect.stringContaining('must be tcp, as the URL is a list of hosts'),
    ]);
  });

  it('alone has a use for REDIS_SENTINEL_AUTH', () => {
    expect(readSettings({ REDIS_URL: 'r:1', REDIS_SENTINEL_AUTH: 'x' }).notes).toContain(
      'REDIS_SENTINEL_AUTH has no effect with REDIS_TYPE=SINGLE',
    );
  });
});

describe('REDIS_TYPE=CLUSTER', () => {
  it('takes some nodes, and logs in as the first says', () => {
    const { redis } = read({ REDIS_TYPE: 'CLUSTER', REDIS_URL: 'rediss://u:p@a, b:7001' });
    expect(redis?.target).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7001 },
      ],
    });
    expect(redis).toMatchObject({ username: 'u', database: 0 });
    expect(redis?.tls).not.toBeNull();
    expect(describeSettings(read({ REDIS_TYPE: 'CLUSTER', REDIS_URL: 'a:1,b:2' }))).toMatchObject({
      redis: 'cluster of a:1,b:2',
    });
  });

  it('alone is at odds with the keys of the reference', () => {
    const env = { REDIS_TYPE: 'SENTINEL', REDIS_URL: 'rl,a:1', KEY_FORMAT: 'reference' };
    expect(problemsOf(env)).toEqual([]);
  });

  it.each([
    [{ REDIS_URL: 'a:1,b' }, 'node 2 is not'],
    [{ REDIS_URL: '/a' }, 'node 1 is not'],
    [{ REDIS_URL: 'redis://a/1' }, 'without a database number'],
    [{ REDIS_URL: `a:1${',a:1'.repeat(32)}` }, 'at most 32 nodes'],
    [{ REDIS_URL: 'a:1', REDIS_SOCKET_TYPE: 'unix' }, 'must be tcp'],
    [{ REDIS_URL: 'a:1', KEY_FORMAT: 'reference' }, 'use KEY_FORMAT=exact'],
    [{ REDIS_URL: 'a:1', CACHE_KEY_PREFIX: 'a{' }, 'CACHE_KEY_PREFIX must not hold a {'],
  ])('%j is told %s', (env, text) => {
    expect(problemsOf({ REDIS_TYPE: 'CLUSTER', ...env })).toEqual([expect.stringContaining(text)]);
  });
});

describe('TLS to Redis', () => {
  const files = {
    REDIS_TLS_CACERT: '/ca',
    REDIS_TLS_CLIENT_CERT: '/cert',
    REDIS_TLS_CLIENT_KEY: '/key',
  };

  it.each([
    [{ REDIS_URL: 'r:1', REDIS_TLS: 'true' }],
    [{ REDIS_URL: 'rediss://r' }],
    [{ REDIS_URL: 'rl,r:1', REDIS_TYPE: 'SENTINEL', REDIS_TLS: 'true' }],
  ])('is asked for by %j', (env) => {
    expect(read({ ...env, ...files }).redis?.tls).toEqual({
      caPath: '/ca',
      certPath: '/cert',
      keyPath: '/key',
      skipsHostnameVerification: false,
    });
    expect(describeSettings(read(env as Environment))).toMatchObject({ redisTls: true });
  });

  it('may check no names, and needs no files', () => {
    const env = { REDIS_URL: 'rediss://r', REDIS_TLS_SKIP_HOSTNAME_VERIFICATION: 'true' };
    expect(read(env).redis?.tls).toEqual({
      caPath: null,
      certPath: null,
      keyPath: null,
      skipsHostnameVerification: true,
    });
  });

  it('wants a certificate and its key, or neither', () => {
    const [cert, key] = [{ REDIS_TLS_CLIENT_CERT: '/c' }, { REDIS_TLS_CLIENT_KEY: '/k' }];
    const both = { REDIS_URL: 'rediss://r', REDIS_PERSECOND: 'true', REDIS_PERSECOND_TLS: 'true' };
    expect(problemsOf({ ...both, ...cert })).toEqual([
      'REDIS_TLS_CLIENT_KEY must name a PEM file, as REDIS_TLS_CLIENT_CERT does',
    ]);
    expect(problemsOf({ ...both, ...key })).toEqual([
      'REDIS_TLS_CLIENT_CERT must name a PEM file, as REDIS_TLS_CLIENT_KEY does',
    ]);
  });

  it('is noted where its files do nothing', () => {
    const skips = { REDIS_TLS_SKIP_HOSTNAME_VERIFICATION: 'true' };
    const { notes } = readSettings({ REDIS_URL: 'redis://r', ...files, ...skips });
    const names = [...Object.keys(files), ...Object.keys(skips)];
    for (const name of names) {
      expect(notes).toContain(`${name} has no effect while REDIS_TLS is false`);
    }
  });
});

describe('the second Redis', () => {
  const env = { REDIS_URL: 'redis://u:p@r/3', REDIS_PERSECOND: 'true' };

  it('has a place and a login of its own, and shares the rest', () => {
    const { redis, redisPerSecond } = read({
      ...env,
      REDIS_PERSECOND_URL: 'rl,s:1',
      REDIS_PERSECOND_TYPE: 'SENTINEL',
      REDIS_PERSECOND_AUTH: 'v:q',
      REDIS_PERSECOND_SENTINEL_AUTH: 'w',
      REDIS_PERSECOND_TLS: 'true',
      REDIS_PERSECOND_TIMEOUT: '7ms',
      REDIS_TLS_CACERT: '/ca',
      REDIS_TIMEOUT: '5ms',
    });
    expect(redis).toMatchObject({ username: 'u', database: 3, tls: null, timeoutMs: 5 });
    expect(redisPerSecond).toMatchObject({
      target: { kind: 'sentinel', primary: 'rl', username: '' },
      username: 'v',
      database: 0,
      tls: { caPath: '/ca' },
      timeoutMs: 7,
      batchChargesMax: redis?.batchChargesMax,
    });
  });

  it('is where the reference has it unless it is named', () => {
    const settings = read(env);
    expect(settings.redisPerSecond?.target).toEqual({
      kind: 'unix',
      path: '/var/run/nutcracker/ratelimitpersecond.sock',
    });
    expect(describeSettings(settings)).toMatchObject({
      redisPerSecond: '/var/run/nutcracker/ratelimitpersecond.sock',
    });
  });

  it('tells its problems by its own names', () => {
    const problems = problemsOf({ ...env, REDIS_PERSECOND_URL: 'r', REDIS_PERSECOND_TYPE: 'x' });
    expect(problems).toHaveLength(2);
    expect(problems.every((text) => text.startsWith('REDIS_PERSECOND_'))).toBe(true);
    const { notes } = readSettings({ ...env, REDIS_PERSECOND_URL: 'r:1' });
    const text =
      'REDIS_PERSECOND_SOCKET_TYPE is unset: REDIS_PERSECOND_URL is no path, so tcp is used';
    expect(notes).toContain(text);
  });

  it('is noted where it does nothing', () => {
    const memory = readSettings({ REDIS_PERSECOND: 'true' });
    expect(memory).toMatchObject({ settings: { redis: null, redisPerSecond: null } });
    expect(memory.notes).toContain(
      'REDIS_PERSECOND has no effect, as counters are in memory: set REDIS_URL',
    );
    const off = readSettings({ REDIS_URL: 'r:1', REDIS_PERSECOND_URL: 'r:2' });
    expect(off.notes).toContain('REDIS_PERSECOND_URL has no effect while REDIS_PERSECOND is false');
  });
});
