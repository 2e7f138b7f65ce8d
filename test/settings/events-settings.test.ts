import { describe, expect, it } from 'vitest';
import { eventPlace } from '../../src/events/event-redis.ts';
import { describeSettings } from '../../src/settings/describe-settings.ts';
import { type Environment, readSettings } from '../../src/settings/read-settings.ts';
import { settingsOf } from '../support/settings.ts';

const REDIS = { REDIS_URL: '127.0.0.1:6379', REDIS_SOCKET_TYPE: 'tcp' };
const ON = { ...REDIS, EVENTS_STREAM: 'weir:events' };

describe('EVENTS_STREAM', () => {
  it('is off unless it is set', () => {
    expect(settingsOf(REDIS).events).toBeNull();
    expect(settingsOf({ ...REDIS, EVENTS_STREAM: '' }).events).toBeNull();
    expect(describeSettings(settingsOf(REDIS))).not.toHaveProperty('events');
  });

  it('names the stream, which keeps ten thousand entries unless told otherwise', () => {
    expect(settingsOf(ON).events).toEqual({ stream: 'weir:events', maxLength: 10_000 });
    const more = settingsOf({ ...ON, EVENTS_MAXLEN: '500' });
    expect(more.events).toEqual({ stream: 'weir:events', maxLength: 500 });
    expect(describeSettings(more)).toMatchObject({ events: 'weir:events' });
  });

  it.each([
    ['a b', /^EVENTS_STREAM="a b" must be a name of 1 to 200 letters/],
    ['{a}', /must be a name/],
    ['a\nb', /^EVENTS_STREAM="a\\nb" must be/],
    ['x'.repeat(201), /must be a name/],
    [':a', /must be a name/],
  ])('%j is refused', (name, problem) => {
    const result = readSettings({ ...REDIS, EVENTS_STREAM: name });
    expect(result).toMatchObject({ problems: [expect.stringMatching(problem)] });
  });

  it('is refused where counters are in memory, with what to do', () => {
    const { problems } = readSettings({ EVENTS_STREAM: 'weir:events' }) as {
      problems: readonly string[];
    };
    expect(problems).toEqual([
      'EVENTS_STREAM needs a Redis, and counters are in memory: set REDIS_URL, or unset EVENTS_STREAM',
    ]);
  });

  it('a length without a stream has no effect, and a note says so', () => {
    const { notes } = readSettings({ ...REDIS, EVENTS_MAXLEN: '500' });
    expect(notes).toContain('EVENTS_MAXLEN has no effect while EVENTS_STREAM is unset');
  });
});

describe('where events go', () => {
  const placeOf = (env: Environment) => {
    const settings = settingsOf({ ...env, EVENTS_STREAM: 'weir:events', QUOTA_CLUSTER_ID: 'shop' });
    const { redis, events, quota } = settings;
    if (redis === null || events === null) throw new Error('they go nowhere');
    return eventPlace(redis, events, quota);
  };
  const KEYS = {
    streams: { audit: 'weir:events', abuse: 'weir:events:abuse' },
    fence: 'weir:events:term:shop',
  };

  it('one Redis, with its rights and its database', () => {
    const url = 'redis://ann:secret@redis.example:7000/3';
    const { redis, keys } = placeOf({ REDIS_URL: url, REDIS_SOCKET_TYPE: 'tcp' });
    expect(redis).toEqual({
      address: { host: 'redis.example', port: 7000 },
      tls: null,
      username: 'ann',
      password: 'secret',
      db: 3,
      keyFormat: 'exact',
    });
    expect(keys).toEqual(KEYS);
  });

  it('a socket', () => {
    const { redis } = placeOf({ REDIS_URL: '/run/redis.sock', REDIS_SOCKET_TYPE: 'unix' });
    expect(redis).toMatchObject({ address: { path: '/run/redis.sock' } });
    expect(redis).not.toHaveProperty('password');
  });

  it('the primary of Sentinels', () => {
    const env = {
      REDIS_TYPE: 'SENTINEL',
      REDIS_URL: 'mymaster,s1:26379',
      REDIS_SOCKET_TYPE: 'tcp',
    };
    expect(placeOf({ ...env, REDIS_SENTINEL_AUTH: 'bob:hush' }).redis.address).toEqual({
      primary: 'mymaster',
      sentinels: [{ host: 's1', port: 26_379 }],
      username: 'bob',
      password: 'hush',
    });
    expect(placeOf(env).redis.address).not.toHaveProperty('username');
  });

  it('one slot of a cluster', () => {
    const env = { REDIS_TYPE: 'CLUSTER', REDIS_URL: 'n1:6379,n2:6379', REDIS_SOCKET_TYPE: 'tcp' };
    const { redis, keys } = placeOf(env);
    expect(redis.address).toMatchObject({ seeds: [{ host: 'n1', port: 6379 }, { host: 'n2' }] });
    expect(keys).toEqual({
      streams: { audit: '{weir:events}', abuse: '{weir:events}:abuse' },
      fence: '{weir:events}:term:shop',
    });
  });
});
