import { describe, expect, it } from 'vitest';
import { type Environment, readSettings } from '../../src/settings/read-settings.ts';

const REDIS = { REDIS_URL: '127.0.0.1:6379', REDIS_SOCKET_TYPE: 'tcp' };

function outcome(env: Environment): unknown {
  const result = readSettings(env);
  if ('problems' in result) return result.problems;
  const { server, counters } = result.settings;
  return [server.workers, counters.localReplicas];
}

describe('WORKERS', () => {
  it.each([
    ['unset', {}, [1, 1]],
    ['unset with replicas', { LOCAL_LIMITER_REPLICAS: '3' }, [1, 3]],
    [
      'several, which share what replicas share',
      { LOCAL_LIMITER_REPLICAS: '3', WORKERS: '4' },
      [4, 12],
    ],
    ['in any case of the word', { WORKERS: 'Auto' }, ['auto', 1]],
  ])('%s', (_name, env, expected) => {
    expect(outcome({ ...REDIS, ...env })).toEqual(expected);
  });

  it.each(['0', '257', '1.5', 'all'])('%s is refused with what is allowed', (text) => {
    expect(outcome({ ...REDIS, WORKERS: text })).toEqual([
      expect.stringMatching(/^WORKERS=.* must be a whole number .*from 1 to 256, or auto/),
    ]);
  });

  it.each([
    [{ WORKERS: '2' }, 'REDIS_URL'],
    [{ ...REDIS, WORKERS: '2', BACKEND_TYPE: 'memory' }, 'REDIS_URL'],
    [{ ...REDIS, WORKERS: '2', GRPC_LISTENER: 'grpc-js' }, 'GRPC_LISTENER=native'],
  ])('more than one is refused where it cannot be: %o', (env, advice) => {
    expect(outcome(env)).toEqual([expect.stringMatching(/^WORKERS=2 must be 1 here, or unset: /)]);
    expect(outcome(env)).toEqual([expect.stringContaining(advice)]);
  });

  it('auto is one there, and a note says so', () => {
    expect(outcome({ WORKERS: 'auto' })).toEqual([1, 1]);
    expect(readSettings({ WORKERS: 'auto' }).notes).toContainEqual(
      expect.stringMatching(/^WORKERS=auto is 1 here: with counters in memory/),
    );
  });
});
