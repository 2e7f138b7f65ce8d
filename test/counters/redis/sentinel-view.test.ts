/** Who is the primary, by what sentinels and servers said: no connections, no clocks. */
import { describe, expect, test } from 'vitest';
import { addressText } from '../../../src/counters/redis/redis-options.ts';
import { parseNaming } from '../../../src/counters/redis/sentinel-replies.ts';
import {
  DISPUTED_MS,
  type Naming,
  PRIMARY_ANSWERS_WITHIN_MS,
  REPLICAS_MAX,
  type Role,
  SentinelView,
} from '../../../src/counters/redis/sentinel-view.ts';

const server = (port: number) => ({ host: 'r', port });

/** `primary` leads the two others of 1, 2 and 3. */
function naming(primary: number, epoch = 0, isFailingOver = false): Naming {
  const replicas = [1, 2, 3].filter((port) => port !== primary).map(server);
  return { primary: server(primary), epoch, isFailingOver, promoting: null, replicas };
}

/** A failover that has chosen its replica. */
function promoting(replica: number, of: Naming): Naming {
  return { ...of, isFailingOver: true, promoting: server(replica) };
}

type Roles = Readonly<Record<number, Role>>;

function viewOf(namings: readonly Naming[], roles: Roles): SentinelView {
  const view = new SentinelView();
  view.beginSearch(1000);
  for (const [index, one] of namings.entries()) view.note(`s${index}`, one, 1000);
  for (const [port, role] of Object.entries(roles)) view.noteRole(`r:${port}`, role);
  return view;
}

const choices: [title: string, namings: Naming[], roles: Roles, early: number, late: number][] = [
  ['nobody names one', [], { 1: 'primary' }, 0, 0],
  ['named, and no answer yet', [naming(1)], {}, 0, 0],
  ['named, and says so itself', [naming(1)], { 1: 'primary' }, 1, 1],
  ['named, but a replica', [naming(1)], { 1: 'replica', 2: 'replica' }, 0, 0],
  ['named but gone, and none promoted', [naming(1)], { 1: 'failed', 2: 'replica' }, 0, 0],
  ['named but gone, and one promoted', [naming(1)], { 1: 'failed', 2: 'primary' }, 2, 2],
  ['named and silent, and one promoted', [naming(1)], { 2: 'primary' }, 0, 2],
  ['named and well, and another claims it', [naming(1)], { 1: 'primary', 2: 'primary' }, 1, 1],
  ['gone, and two claim it', [naming(1)], { 1: 'failed', 2: 'primary', 3: 'primary' }, 0, 0],
  ['the newest naming', [naming(1), naming(2, 1), naming(1)], { 1: 'primary', 2: 'primary' }, 2, 2],
  ['failing over, none promoted', [naming(1, 0, true)], { 1: 'primary' }, 0, 1],
  [
    'failing over, all answered and none promoted',
    [naming(1, 0, true)],
    { 1: 'primary', 2: 'replica', 3: 'failed' },
    1,
    1,
  ],
  ['failing over, one promoted', [naming(1, 1, true)], { 1: 'primary', 2: 'primary' }, 2, 2],
  [
    'failing over, and another than the one to be promoted claims it',
    [promoting(3, naming(1))],
    { 1: 'failed', 2: 'primary', 3: 'replica' },
    0,
    0,
  ],
  [
    'failing over, and the one to be promoted is not the only one to claim it',
    [promoting(3, naming(1)), naming(1)],
    { 1: 'failed', 2: 'primary', 3: 'primary' },
    3,
    3,
  ],
  [
    'failing over twice, and both that are to be promoted claim it',
    [promoting(3, naming(1)), promoting(2, naming(1))],
    { 1: 'failed', 2: 'primary', 3: 'primary' },
    0,
    0,
  ],
  [
    'named since, while a Sentinel fails over that has not heard of it',
    [naming(3, 2), promoting(2, naming(1))],
    { 1: 'failed', 2: 'primary', 3: 'primary' },
    3,
    3,
  ],
  [
    'a failover of the same epoch that has come to its end',
    [naming(1, 2, true), naming(3, 2)],
    { 1: 'failed', 2: 'primary', 3: 'primary' },
    3,
    3,
  ],
];

test.each(choices)('%s', (_title, namings, roles, early, late) => {
  const view = viewOf(namings, roles);
  expect(view.choose(1000)?.port ?? 0).toBe(early);
  expect(view.choose(1000 + PRIMARY_ANSWERS_WITHIN_MS)?.port ?? 0).toBe(late);
});

describe('after a choice', () => {
  test('a newer naming of another is a successor, an older or equal one is none', () => {
    const view = viewOf([naming(1, 4)], { 1: 'primary' });
    view.settle(server(1), 1000);
    expect(view.successor(1000)).toBeNull();
    view.note('s0', naming(2, 4), 1000);
    expect(view.successor(1000)).toBeNull();
    view.note('s0', naming(2, 5), 1000);
    expect(view.successor(1000)).toEqual(server(2));
  });

  test('a promoted replica is kept while the sentinels have yet to name it', () => {
    const view = viewOf([naming(1, 4), naming(1, 4)], { 1: 'failed', 2: 'primary' });
    view.settle(server(2), 1000);
    // The one that leads raises its epoch before it names the new primary.
    view.note('s0', naming(1, 5, true), 1000);
    expect(view.successor(1000)).toBeNull();
    view.note('s0', naming(2, 5), 1000);
    view.note('s1', naming(1, 4), 1000);
    expect(view.successor(1000)).toBeNull();
    view.note('s1', naming(3, 6), 1000);
    expect(view.successor(1000)).toEqual(server(3));
  });

  test('a promoted replica that was lost for a moment goes before the one named, if thawed', () => {
    const view = viewOf([naming(1, 4)], { 1: 'failed', 2: 'primary' });
    view.settle(server(2), 1000);
    view.beginSearch(2000);
    view.noteRole('r:1', 'primary');
    expect(view.choose(2000)).toBeNull();
    view.noteRole('r:2', 'primary');
    expect(view.choose(2000)).toEqual(server(2));
    view.noteRole('r:2', 'failed');
    expect(view.choose(2000)).toEqual(server(1));
    view.noteRole('r:2', 'primary');
    view.release();
    expect(view.choose(2000)).toEqual(server(1));
  });

  test('the one before, which may call itself primary for a while, is not taken for promoted', () => {
    const view = viewOf([naming(1, 4)], { 1: 'primary' });
    view.settle(server(1), 1000);
    view.note('s0', naming(2, 5), 1000);
    view.beginSearch(2000);
    view.noteRole('r:1', 'primary');
    view.noteRole('r:2', 'failed');
    expect(view.choose(3000)).toBeNull();
    // Named again, it counts again.
    view.note('s0', naming(1, 6), 1000);
    expect(view.choose(3000)).toEqual(server(1));
  });

  test('one that called itself primary when another was named must take it back first', () => {
    const view = viewOf([naming(1, 4)], { 1: 'failed', 2: 'primary' });
    view.settle(server(2), 1000);
    view.note('s0', naming(3, 5), 2000);
    expect(view.other(2000)).toEqual(server(3));
    view.release();
    view.beginSearch(2000);
    view.noteRole('r:2', 'primary');
    view.noteRole('r:3', 'failed');
    expect(view.choose(3000)).toBeNull();
    view.noteRole('r:2', 'replica');
    view.noteRole('r:2', 'primary');
    expect(view.choose(3000)).toEqual(server(2));
  });

  test('one that a failover promotes anew is believed though its last word was an older one', () => {
    const view = viewOf([naming(1, 4)], { 1: 'primary' });
    view.settle(server(1), 1000);
    view.note('s0', naming(2, 5), 2000);
    view.settle(server(2), 2000);
    view.note('s0', promoting(1, naming(2, 5)), 9000);
    view.beginSearch(9000);
    view.noteRole('r:2', 'failed');
    view.noteRole('r:1', 'primary');
    expect(view.choose(9000)).toEqual(server(1));
  });

  test('there is no other while it is the one that is named, or that a failover made', () => {
    const view = viewOf([naming(1, 4)], { 1: 'primary' });
    view.settle(server(1), 1000);
    expect(view.other(2000)).toBeNull();
    view.note('s0', promoting(2, naming(1, 4)), 2000);
    expect(view.other(2000)).toBeNull();
    view.noteRole('r:2', 'primary');
    expect(view.other(2000)).toEqual(server(2));
    view.settle(server(2), 2000);
    expect(view.other(2000)).toBeNull();
  });

  test('what sentinels said last is used while none answers', () => {
    const view = viewOf([naming(1)], {});
    view.note('s0', null, 1000);
    expect(view.newest).toBeNull();
    expect(view.candidates.map(addressText)).toEqual(['r:1', 'r:2', 'r:3']);
    view.noteRole('r:1', 'failed');
    view.noteRole('r:3', 'primary');
    expect(view.choose(1000)).toEqual(server(3));
  });
});

describe('sentinels of a new epoch', () => {
  const disputed = () => {
    const view = viewOf([naming(1, 9), naming(1, 9)], { 1: 'primary' });
    view.settle(server(1), 1000);
    view.note('s0', naming(2, 0), 1200);
    view.noteRole('r:2', 'primary');
    return view;
  };

  test('are believed when all of them name another for long, which calls itself primary', () => {
    const view = disputed();
    expect(view.isDisputed).toBe(false);
    view.note('s1', naming(2, 0), 1300);
    expect(view.isDisputed).toBe(true);
    expect(view.successor(1200 + DISPUTED_MS - 1)).toBeNull();
    expect(view.successor(1200 + DISPUTED_MS)).toEqual(server(2));
    view.forgetRoles();
    expect(view.successor(1200 + DISPUTED_MS)).toBeNull();
  });

  test('are not while one of them names the primary in use, or fails over', () => {
    const view = disputed();
    expect(view.successor(9000)).toBeNull();
    view.note('s1', naming(2, 0, true), 1300);
    expect(view.isDisputed).toBe(false);
    expect(view.successor(9000)).toBeNull();
    view.note('s0', null, 1400);
    view.note('s1', null, 1400);
    expect(view.isDisputed).toBe(false);
  });
});

test('a new search begins without the answers of the one before', () => {
  const view = viewOf([naming(1)], { 1: 'primary' });
  expect(view.roleText(server(1))).toBe('primary');
  view.beginSearch(2000);
  expect(view.choose(2000)).toBeNull();
  expect(view.roleText(server(1))).toBe('no answer yet');
});

describe('replies of a sentinel', () => {
  const primary = ['name', 'rl', 'ip', 'r', 'port', '1', 'flags', 'master', 'config-epoch', '7'];
  const replica = ['name', 'r:2', 'ip', 'r', 'port', '2', 'flags', 'slave'];

  test('are a naming', () => {
    const naming7 = { ...naming(1, 7), replicas: [server(2)] };
    expect(parseNaming(primary, [replica])).toEqual(naming7);
    const failing = [...primary, 'flags', 'master,o_down,failover_in_progress'];
    expect(parseNaming(failing, [])).toMatchObject({ isFailingOver: true, replicas: [] });
  });

  const promoted = ['ip', 'r', 'port', '3', 'flags', 'slave,promoted'];
  test.each([
    ['select_slave', [replica], { ...naming(1, 7, true), replicas: [server(2)] }],
    ['wait_promotion', [replica, promoted], promoting(3, naming(1, 7))],
    ['reconf_slaves', [replica, promoted], { ...naming(3, 7), replicas: [1, 2, 3].map(server) }],
    ['update_config', [promoted], { ...naming(3, 7), replicas: [1, 3].map(server) }],
    // Between the two replies the failover came to its end.
    ['reconf_slaves', [replica], { ...naming(1, 7, true), replicas: [server(2)] }],
  ])('of a failover in the state %s', (state, replicas, expected) => {
    const flags = ['flags', 'master,o_down,failover_in_progress', 'failover-state', state];
    expect(parseNaming([...primary, ...flags], replicas)).toEqual(expected);
  });

  test.each([
    [null],
    ['OK'],
    [[]],
    [['ip', '', 'port', '1']],
    [['ip', 'a b', 'port', '1']],
    [['ip', 'r', 'port', '0']],
    [['ip', 'r', 'port', '70000']],
    [['ip', 'r'.repeat(254), 'port', '1']],
  ])('%j names no address', (reply) => {
    expect(() => parseNaming(reply, [])).toThrow('the sentinel named no address');
  });

  test('lose what cannot be used, and more replicas than are asked', () => {
    const odd = [null, ['ip', 'r'], ['ip', 'r', 'port', 'x'], replica];
    expect(parseNaming(primary, odd).replicas).toEqual([server(2)]);
    expect(parseNaming(primary, 'none').replicas).toEqual([]);
    expect(parseNaming([...primary, 'config-epoch', 'x'], []).epoch).toBe(0);
    const many = Array.from({ length: 99 }, (_, i) => ['ip', 'r', 'port', `${i + 1}`]);
    expect(parseNaming(primary, many).replicas).toHaveLength(REPLICAS_MAX);
  });
});
