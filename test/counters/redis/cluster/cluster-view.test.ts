import { describe, expect, test } from 'vitest';
import { parseClusterView } from '../../../../src/counters/redis/cluster/cluster-view.ts';
import { redirectionOf } from '../../../../src/counters/redis/cluster/redirection.ts';
import { failureOf } from '../../../../src/counters/redis/redis-errors.ts';

const ASKED = { host: '10.0.0.9', port: 7000 };
const STATE = 'cluster_state:ok\r\ncluster_current_epoch:12\r\ncluster_my_epoch:3\r\n';

describe('what a node says of the cluster', () => {
  test('names owners of slots and all nodes; one without a host is where it was asked', () => {
    const slots = [
      [0, 9, ['10.0.0.1', 7001, 'id', []], ['10.0.0.2', 7002, 'id']],
      [10, 10, [null, 7003, 'id']],
      [11, 16_383, ['', 7004, 'id'], ['::1', 7005, 'id'], ['?', 7006]],
    ];
    const { epoch, ranges, nodes } = parseClusterView(STATE, slots, ASKED);
    expect(epoch).toBe(12);
    expect(ranges).toEqual([
      { first: 0, last: 9, primary: { host: '10.0.0.1', port: 7001 } },
      { first: 10, last: 10, primary: { host: '10.0.0.9', port: 7003 } },
      { first: 11, last: 16_383, primary: { host: '10.0.0.9', port: 7004 } },
    ]);
    expect(nodes.map(({ host, port }) => `${host} ${port}`)).toEqual([
      '10.0.0.1 7001',
      '10.0.0.2 7002',
      '10.0.0.9 7003',
      '10.0.0.9 7004',
      '::1 7005',
      '10.0.0.9 7006',
    ]);
  });

  const node = ['h', 1, 'id'];
  const wrong: [string, unknown, unknown, string][] = [
    ['no epoch', 'cluster_state:ok', [[0, 1, node]], 'no epoch'],
    ['an epoch that is none', 'cluster_current_epoch:x\r\n', [[0, 1, node]], 'no epoch'],
    ['no list', STATE, 'OK', 'no list'],
    ['no slots', STATE, [], 'owns no slots'],
    ['a range that is none', STATE, ['x'], 'a range is none'],
    ['a range without a node', STATE, [[0, 1]], 'a range is none'],
    ['a range that ends before it begins', STATE, [[5, 4, node]], 'a range is none'],
    ['a slot beyond the last', STATE, [[0, 16_384, node]], 'a range is none'],
    ['a slot below the first', STATE, [[-1, 4, node]], 'a range is none'],
    ['a slot that is none', STATE, [['0', 4, node]], 'a range is none'],
    ['a node that is none', STATE, [[0, 4, 'h:1']], 'no port'],
    ['a node without a port', STATE, [[0, 4, ['h', 0]]], 'no port'],
    ['a node with a port beyond the last', STATE, [[0, 4, ['h', 65_536]]], 'no port'],
    [
      'more nodes than a cluster has',
      STATE,
      Array.from({ length: 1001 }, (_, number) => [number, number, ['h', number + 1]]),
      'more than 1000 nodes',
    ],
  ];
  test.each(wrong)('with %s is not believed', (_, state, slots, text) => {
    expect(() => parseClusterView(state, slots, ASKED)).toThrow(text);
  });
});

describe('an answer that sends a call elsewhere', () => {
  const refused = (text: string) => ({ ...failureOf(text), code: 'refused' }) as const;
  const cases: [string, unknown][] = [
    ['MOVED 12 10.0.0.1:7001', { kind: 'moved', address: { host: '10.0.0.1', port: 7001 } }],
    ['MOVED 12 ::1:7001', { kind: 'moved', address: { host: '::1', port: 7001 } }],
    ['MOVED 12 :7001', { kind: 'moved', address: { host: '10.0.0.9', port: 7001 } }],
    ['ASK 12 redis.example:7001', { kind: 'ask', address: { host: 'redis.example', port: 7001 } }],
    ['ASK 12 ?:7001', { kind: 'ask', address: { host: '10.0.0.9', port: 7001 } }],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'try-again' }],
    ['MOVED', null],
    ['MOVED x y', null],
    ['WRONGTYPE Operation against a key', null],
  ];
  test.each(cases)('%s', (text, expected) => {
    expect(redirectionOf(refused(text), ASKED)).toEqual(expected);
  });

  test('of a node that did not answer so is none', () => {
    expect(redirectionOf({ code: 'unavailable', text: 'redis: MOVED 1 h:1' }, ASKED)).toBeNull();
  });
});
