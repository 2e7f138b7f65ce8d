import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/settings/read-settings.ts';
import type { QuotaSettings } from '../../src/settings/settings.ts';

function read(env: Record<string, string>): { quota: QuotaSettings; notes: readonly string[] } {
  const result = readSettings(env);
  if (!('settings' in result)) throw new Error(result.problems.join('\n'));
  return { quota: result.settings.quota, notes: result.notes };
}

function problemsOf(env: Record<string, string>): readonly string[] {
  const result = readSettings(env);
  return 'problems' in result ? result.problems : [];
}

const LOCAL = 'a=127.0.0.1:9001,b=localhost:9002,c=[::1]:9003';
const FAR = 'weir-0=weir-0.weir:8082,weir-1=weir-1.weir:8082,weir-2=weir-2.weir:8082';
const VOTER = { QUOTA_PEERS: LOCAL, QUOTA_NODE_ID: 'a', QUOTA_DATA_DIR: '/d' };
const TLS = { QUOTA_TLS_CERT: 'c.pem', QUOTA_TLS_KEY: 'k.pem', QUOTA_TLS_CA: 'ca.pem' };

describe('a replica without peers', () => {
  it('is alone, and its own grantor', () => {
    expect(read({}).quota).toEqual({
      nodeId: 'alone',
      clusterId: 'weir',
      peers: [],
      listen: null,
      tls: null,
      directory: null,
      timeoutMs: 20,
      promote: null,
    });
  });

  it('may keep what it granted', () => {
    const { quota } = read({ QUOTA_DATA_DIR: '/d', QUOTA_NODE_ID: 'one' });
    expect(quota).toMatchObject({ nodeId: 'one', directory: '/d' });
  });

  it.each(['QUOTA_LISTEN', 'QUOTA_TLS_CERT', 'QUOTA_INSECURE'])('has no use for %s', (name) => {
    expect(read({ [name]: 'true' }).notes).toContain(
      `${name} has no effect while QUOTA_PEERS is unset`,
    );
  });
});

describe('a replica among peers', () => {
  it('that is a voter listens where the list says', () => {
    expect(read(VOTER).quota).toMatchObject({
      nodeId: 'a',
      listen: { host: '127.0.0.1', port: 9001 },
      peers: [
        { id: 'a', host: '127.0.0.1', port: 9001 },
        { id: 'b', host: 'localhost', port: 9002 },
        { id: 'c', host: '::1', port: 9003 },
      ],
    });
  });

  it('listens on every interface when its peers come from afar, by TLS', () => {
    const env = { ...TLS, QUOTA_PEERS: FAR, QUOTA_NODE_ID: 'weir-1', QUOTA_DATA_DIR: '/d' };
    expect(read(env).quota).toMatchObject({
      listen: { host: '', port: 8082 },
      tls: { certPath: 'c.pem', keyPath: 'k.pem', caPath: 'ca.pem' },
    });
  });

  it('that is no voter needs the list alone', () => {
    const { quota, notes } = read({
      QUOTA_PEERS: FAR,
      QUOTA_NODE_ID: 'x',
      QUOTA_INSECURE: 'true',
      QUOTA_LISTEN: ':1',
    });
    expect(quota).toMatchObject({ listen: null, directory: null });
    expect(notes).toContain(
      'QUOTA_LISTEN has no effect: QUOTA_NODE_ID is none of the voters of QUOTA_PEERS',
    );
  });

  it('may be found by SRV records, and then says where it listens', () => {
    const peers = ['a', 'b', 'c'].map((id) => `${id}=_peer._tcp.weir`).join(',');
    const env = { ...VOTER, ...TLS, QUOTA_PEERS: peers };
    expect(read({ ...env, QUOTA_LISTEN: ':7000' }).quota).toMatchObject({
      peers: [{ id: 'a', host: '_peer._tcp.weir', port: null }, {}, {}],
      listen: { host: '', port: 7000 },
    });
    expect(problemsOf(env)).toEqual([
      'QUOTA_LISTEN must name a port, as QUOTA_PEERS gives none for this voter',
    ]);
  });

  it.each([
    ['two voters', { QUOTA_PEERS: 'a=x:1,b=y:2' }, 'QUOTA_PEERS must name 1, 3 or 5 voters, not 2'],
    [
      'a voter twice',
      { QUOTA_PEERS: 'a=localhost:1,a=localhost:2,b=localhost:3' },
      'names the voter a twice',
    ],
    ['no id', { QUOTA_PEERS: 'localhost:1' }, '"localhost:1" must be id=host:port'],
    ['no port', { QUOTA_PEERS: 'a=localhost' }, 'must be id=host:port'],
    ['port 0', { QUOTA_PEERS: 'a=localhost:0' }, 'must be id=host:port'],
    ['no host', { QUOTA_PEERS: 'a=:1' }, 'must be id=host:port'],
    ['an SRV name that is none', { QUOTA_PEERS: 'a=_peer/x' }, 'must be id=host:port'],
    ['no name', { QUOTA_NODE_ID: '' }, 'QUOTA_NODE_ID must name this replica'],
    ['a bad name', { QUOTA_NODE_ID: 'a b' }, 'QUOTA_NODE_ID="a b" must be a name of'],
    ['a bad group', { QUOTA_CLUSTER_ID: '/' }, 'QUOTA_CLUSTER_ID="/" must be a name of'],
    ['a voter without a directory', { QUOTA_DATA_DIR: '' }, 'QUOTA_DATA_DIR must name a directory'],
    [
      'a port that nobody finds',
      { QUOTA_LISTEN: '127.0.0.1:0' },
      'QUOTA_LISTEN="127.0.0.1:0" must be',
    ],
    ['no address', { QUOTA_LISTEN: 'x' }, 'QUOTA_LISTEN="x" must be host:port'],
    [
      'a port of others',
      { QUOTA_LISTEN: '127.0.0.1:8081' },
      'GRPC_PORT and QUOTA_LISTEN are both 8081',
    ],
    [
      'some of the TLS files',
      { QUOTA_TLS_KEY: 'k' },
      'QUOTA_TLS_CERT must name a PEM file, as QUOTA_TLS_KEY does',
    ],
    [
      'plain peers afar',
      { QUOTA_PEERS: 'a=10.0.0.1:1' },
      'a of QUOTA_PEERS is at 10.0.0.1, not on loopback: peers must speak TLS',
    ],
    [
      'a plain open port',
      { QUOTA_LISTEN: ':9001' },
      'QUOTA_LISTEN=:9001 is not loopback: peers must speak TLS',
    ],
    [
      'several processes',
      { WORKERS: '2', REDIS_URL: 'localhost:6379' },
      'WORKERS=2 must be 1 here, or unset: QUOTA_PEERS',
    ],
  ])('with %s is told so', (_what, env, text) => {
    expect(problemsOf({ ...VOTER, ...env }).join('\n')).toContain(text);
  });

  it('may go plain where it is told to, and is told that TLS makes that needless', () => {
    expect(problemsOf({ ...VOTER, QUOTA_LISTEN: ':9001', QUOTA_INSECURE: 'true' })).toEqual([]);
    expect(read({ ...VOTER, ...TLS, QUOTA_INSECURE: 'true' }).notes).toContain(
      'QUOTA_INSECURE has no effect, as peers speak TLS',
    );
  });
});

describe('hot counters', () => {
  const REDIS = { REDIS_URL: 'localhost:6379' };

  it('are charged ahead in Redis from the rate that is set, a hundred at most', () => {
    expect(read(REDIS).quota.promote).toBe(null);
    expect(read({ ...REDIS, QUOTA_PROMOTE_RATE: '500' }).quota.promote).toEqual({
      hitsPerSecond: 500,
      keysMax: 100,
    });
    const env = { ...REDIS, QUOTA_PROMOTE_RATE: '500', QUOTA_PROMOTED_MAX: '7' };
    expect(read(env).quota.promote).toEqual({ hitsPerSecond: 500, keysMax: 7 });
  });

  it.each([
    [
      { QUOTA_PROMOTE_RATE: '500' },
      'QUOTA_PROMOTE_RATE has no effect while counters are in memory',
    ],
    [
      { ...REDIS, QUOTA_PROMOTED_MAX: '7' },
      'QUOTA_PROMOTED_MAX has no effect while QUOTA_PROMOTE_RATE is 0',
    ],
  ])('are told of where they cannot be: %o', (env, note) => {
    const { quota, notes } = read(env);
    expect(quota.promote).toBe(null);
    expect(notes).toContain(note);
  });
});
