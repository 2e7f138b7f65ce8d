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

describe('an empty environment', () => {
  it('serves memory counters and the shipped limits on the usual ports', () => {
    const settings = read({});
    expect(settings.server.http).toEqual({ host: '0.0.0.0', port: 8080 });
    expect(settings.server.grpc).toEqual({ kind: 'tcp', host: '0.0.0.0', port: 8081 });
    expect(settings.server.debug).toEqual({ host: '0.0.0.0', port: 6070 });
    expect(settings.server).toMatchObject({
      grpcListener: 'native',
      concurrentStreamsMax: 1000,
      connectionsMax: 10_000,
      keepaliveMs: 120_000,
      keepaliveTimeoutMs: 20_000,
    });
    expect(settings.counters.backend).toBe('memory');
    expect(settings.redis).toBeNull();
    expect(settings.limits.directoryFrom).toBe('shipped');
    expect(settings.limits.directory).toMatch(/\/config\/limits$/);
    expect(settings.metrics).toMatchObject({ isEnabled: true, address: null, path: '/metrics' });
    expect(readSettings({}).notes).toEqual([expect.stringContaining('the shipped limits')]);
  });

  it('reads the same with every variable there but empty', () => {
    const env = { PORT: '', USE_STATSD: '', BACKEND_TYPE: '', LOG_LEVEL: '', REDIS_TIMEOUT: '' };
    expect(read(env)).toEqual(read({}));
  });

  it('is frozen all the way down', () => {
    const settings = read({ REDIS_URL: 'localhost:6379', REDIS_AUTH: 'x' });
    expect(() => Object.assign(settings.server.http, { port: 1 })).toThrow(TypeError);
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.redis?.target)).toBe(true);
  });
});

describe('the environment of a drop-in', () => {
  it('reads into groups', () => {
    const settings = read({
      USE_STATSD: 'false',
      USE_PROMETHEUS: 'true',
      PROMETHEUS_ADDR: '127.0.0.1:9102',
      STATS_FLUSH_INTERVAL: '1s',
      REDIS_SOCKET_TYPE: 'tcp',
      REDIS_URL: '127.0.0.1:6379',
      RUNTIME_ROOT: '/data',
      RUNTIME_SUBDIRECTORY: 'rl',
      RUNTIME_WATCH_ROOT: 'false',
      LOG_LEVEL: 'warn',
      LIMIT_RESPONSE_HEADERS_ENABLED: 'true',
      LIMIT_RESET_HEADER: 'X-Reset',
      GRPC_UDS: '/run/rl.sock',
      SHADOW_MODE: '1',
    });
    expect(settings.metrics.address).toEqual({ host: '127.0.0.1', port: 9102 });
    expect(settings.redis?.target).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 6379 });
    expect(settings.counters.backend).toBe('redis');
    expect(settings.limits).toMatchObject({
      directory: '/data/rl/config',
      directoryFrom: 'RUNTIME',
      watchRoot: null,
    });
    expect(settings.log).toEqual({ level: 'WARN', format: 'text' });
    expect(settings.response.headers).toEqual({
      limit: 'RateLimit-Limit',
      remaining: 'RateLimit-Remaining',
      reset: 'X-Reset',
    });
    expect(settings.server.grpc).toEqual({ kind: 'unix', path: '/run/rl.sock' });
    expect(settings.modes).toEqual({ shadow: true, quota: false });
  });

  it('watches RUNTIME_ROOT for its swap unless told otherwise', () => {
    expect(read({ RUNTIME_ROOT: '/data/current/' }).limits).toMatchObject({
      directory: '/data/current/config',
      watchRoot: '/data/current/',
    });
  });

  it('takes LIMITS_DIRECTORY as it is, but not beside the three parts', () => {
    expect(read({ LIMITS_DIRECTORY: '/limits' }).limits).toMatchObject({
      directory: '/limits',
      directoryFrom: 'LIMITS_DIRECTORY',
      watchRoot: null,
    });
    expect(problemsOf({ LIMITS_DIRECTORY: '/limits', RUNTIME_ROOT: '/data' })).toEqual([
      'LIMITS_DIRECTORY and RUNTIME_ROOT both name a directory: unset one',
    ]);
  });

  it('falls back to the library’s listener, and says what that does not know', () => {
    const env = { GRPC_LISTENER: 'GRPC-JS', GRPC_CONNECTIONS_MAX: '5' };
    expect(read(env).server.grpcListener).toBe('grpc-js');
    expect(readSettings(env).notes).toContain(
      'GRPC_CONNECTIONS_MAX has no effect with GRPC_LISTENER=grpc-js',
    );
  });

  it('takes WARNING for WARN', () => {
    expect(read({ LOG_LEVEL: 'warning' }).log.level).toBe('WARN');
  });
});

describe('problems', () => {
  it('are all told at once, each with variable, value and what is allowed', () => {
    const problems = problemsOf({
      PORT: 'abc',
      GRPC_MAX_CONNECTION_AGE: '1 day',
      USE_PROMETHEUS: 'yes',
      NEAR_LIMIT_RATIO: '1.5',
      LIMIT_LIMIT_HEADER: 'a b',
      CONFIG_TYPE: 'GRPC_XDS_SOTW',
      REDIS_TLS: 'maybe',
    });
    expect(problems).toHaveLength(7);
    expect(problems).toContain(
      'PORT="abc" must be a whole number without leading zeros from 0 to 65535; ' +
        'for example PORT=8080',
    );
    expect(problems).toContain(
      'CONFIG_TYPE="GRPC_XDS_SOTW": limits by xDS are not built yet: ' +
        'use CONFIG_TYPE=FILE with limits files',
    );
  });

  it.each([
    ['REDIS_TYPE', 'foo', 'Unrecognized redis type foo'],
    ['REDIS_TYPE', 'a\nb', 'Unrecognized redis type a\\nb'],
    ['REDIS_TYPE', '$&', 'Unrecognized redis type $&'],
    ['BACKEND_TYPE', 'memcache', 'counters in Memcached are not built'],
    ['BACKEND_TYPE', 'etcd', 'must be one of redis, memory'],
    ['PROMETHEUS_PATH', 'metrics', 'must begin with a slash'],
    ['PROMETHEUS_ADDR', 'x', 'must be host:port'],
  ])('%s=%j: %s', (name, value, text) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(text)]);
  });

  it('cut long values', () => {
    const [problem = ''] = problemsOf({ PORT: '9'.repeat(5000) });
    expect(problem.length).toBeLessThan(250);
  });

  it('speak for a second stats sink in the words of the reference', () => {
    const text =
      'Error: unable to use more than one stats sink at the same time. ' +
      'Set one of USE_DOG_STATSD, USE_STATSD, USE_PROMETHEUS.';
    expect(problemsOf({ USE_STATSD: 'true', USE_PROMETHEUS: 'true' })).toEqual([text]);
    expect(problemsOf({ USE_STATSD: 'true', USE_DOG_STATSD: 'true' })).toEqual([text]);
    const disabled = { DISABLE_STATS: 'true', USE_STATSD: 'true', USE_PROMETHEUS: 'true' };
    expect(read(disabled).metrics).toMatchObject({ isEnabled: false, address: null });
  });

  it('name both of two listeners on one port, but let two take free ones', () => {
    expect(problemsOf({ GRPC_PORT: '8080' })).toEqual([
      'PORT and GRPC_PORT are both 8080: give each its own port',
    ]);
    expect(problemsOf({ PORT: '9090' })).toEqual([]);
    expect(problemsOf({ PORT: '9090', USE_PROMETHEUS: 'true' })).toHaveLength(1);
    expect(problemsOf({ PORT: '0', GRPC_PORT: '0', DEBUG_PORT: '0' })).toEqual([]);
    expect(problemsOf({ GRPC_PORT: '8080', GRPC_UDS: '/run/rl.sock' })).toEqual([]);
  });

  it('ask for the files that TLS needs', () => {
    const names = problemsOf({ GRPC_SERVER_USE_TLS: 'true' }).map((text) => text.split(' ')[0]);
    expect(names).toEqual(['GRPC_SERVER_TLS_CERT', 'GRPC_SERVER_TLS_KEY']);
    const files = { GRPC_SERVER_TLS_CERT: '/c', GRPC_SERVER_TLS_KEY: '/k' };
    expect(read({ GRPC_SERVER_USE_TLS: 'true', ...files }).server.grpcTls).toEqual({
      certPath: '/c',
      keyPath: '/k',
      clientCaPath: null,
      clientSan: '',
    });
    const withClients = { GRPC_SERVER_USE_TLS: 'true', ...files, GRPC_CLIENT_TLS_CACERT: '/a' };
    expect(read(withClients).server.grpcTls?.clientCaPath).toBe('/a');
    const named = { GRPC_SERVER_USE_TLS: 'true', ...files, GRPC_CLIENT_TLS_SAN: 'envoy' };
    expect(problemsOf(named)).toEqual([
      expect.stringContaining('GRPC_CLIENT_TLS_CACERT must name a PEM file'),
    ]);
    expect(readSettings(files).notes).toContain(
      'GRPC_SERVER_TLS_CERT has no effect while GRPC_SERVER_USE_TLS is false',
    );
  });
});

describe('notes', () => {
  it.each([
    ['USE_STATSD', 'true', 'statsd is not built yet'],
    ['REDIS_POOL_SIZE', '20', 'one multiplexed connection'],
    ['FORCE_START_WITHOUT_INITIAL_CONFIG', 'true', 'Weir always starts'],
    ['TRACING_ENABLED', 'true', 'traces are not built yet'],
    ['MEMCACHE_HOST_PORT', 'a:1', 'Memcached'],
    ['XDS_CLIENT_MAX_MSG_SIZE_IN_BYTES', '5', 'xDS'],
    ['REDIS_TIMOUT', '1s', 'was REDIS_TIMEOUT meant?'],
  ])('%s=%s: %s', (name, value, text) => {
    expect(readSettings({ [name]: value }).notes).toContainEqual(expect.stringContaining(text));
    expect(problemsOf({ [name]: value })).toEqual([]);
  });

  it('are not made for a variable set to its default', () => {
    const env = { REDIS_POOL_SIZE: '10', USE_STATSD: 'false', REDIS_PERSECOND: 'false' };
    expect(readSettings(env).notes).toEqual(readSettings({}).notes);
  });

  it('tell of at most 20 mistyped names', () => {
    const names = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('').map((letter) => `REDIS_URL${letter}`);
    const { notes } = readSettings(Object.fromEntries(names.map((name) => [name, 'x'])));
    expect(notes.filter((note) => note.includes('is not a setting'))).toHaveLength(20);
  });
});

describe('what runs, in one line', () => {
  it('says the choices that matter', () => {
    expect(describeSettings(read({}))).toMatchObject({
      grpc: '0.0.0.0:8081',
      backend: 'memory',
      metrics: '0.0.0.0:6070/metrics',
      limitsFrom: 'shipped',
    });
    const other = read({
      GRPC_UDS: '/run/rl.sock',
      HOST: '::1',
      REDIS_URL: '/run/r.sock',
      USE_PROMETHEUS: 'true',
    });
    expect(describeSettings(other)).toMatchObject({
      grpc: '/run/rl.sock',
      http: '[::1]:8080',
      redis: '/run/r.sock',
      metrics: ':9090/metrics',
    });
    expect(describeSettings(read({ REDIS_URL: 'r:1' }))).toMatchObject({ redis: 'r:1' });
    expect(describeSettings(read({ DISABLE_STATS: 'true' }))).toMatchObject({ metrics: 'off' });
  });
});
