/** `weir events`: what may be asked for, how it is written, and the command on a real Redis. */
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runEvents, USAGE } from '../../src/cli/command-line.ts';
import { jsonLine, textLine } from '../../src/cli/event-line.ts';
import { parseEventsOptions } from '../../src/cli/events-options.ts';
import { recorded } from '../core/events/recorded.ts';
import { Replica } from '../events/rig.ts';
import { Child, until } from '../support/child.ts';
import { startRedis } from '../support/redis-server.ts';

const STREAM = 'weir:events';
const SCRIPT = fileURLToPath(new URL('../../src/cli/weir.ts', import.meta.url));

describe('what may be asked for', () => {
  const ALL = {
    kinds: ['audit', 'abuse'],
    from: '0-0',
    follow: false,
    countMax: Infinity,
    json: false,
    group: null,
    claimAfterMs: 60_000,
  };

  test.each([
    ['', {}],
    ['--kind abuse', { kinds: ['abuse'] }],
    ['--from 5-1 --count 20', { from: '5-1', countMax: 20 }],
    ['--from $ --follow --json', { from: '$', follow: true, json: true }],
    ['--from=2026-11-18T10:00Z', { from: '1794996000000-0' }],
    ['--group g --consumer c', { group: { name: 'g', consumer: 'c' } }],
    [
      '--group=g --consumer=pod-1.weir:2@x --claim-after 5',
      { group: { name: 'g', consumer: 'pod-1.weir:2@x' }, claimAfterMs: 5000 },
    ],
  ])('weir events %s', (words, options) => {
    expect(parseEventsOptions(words.split(' ').filter(Boolean))).toEqual({ ...ALL, ...options });
  });

  test.each([
    ['--kind gossip', "--kind must be audit or abuse, not 'gossip'"],
    ['--from yesterday', /^--from must be an id such as/],
    ['--count 0', "--count must be a whole number from 1, not '0'"],
    ['--count -1', /--count/],
    ['--count 1e3', /--count/],
    ['--group g', /^--group needs --consumer/],
    ['--consumer c', '--consumer needs --group'],
    ['--group g --consumer a/b', /^'a\/b' is no name/],
    ['--claim-after 60', '--claim-after needs --group'],
    [
      '--group g --consumer c --claim-after 1',
      /^--claim-after must be 5 to 604800 seconds, not '1'/,
    ],
    ['--group g --consumer c --claim-after soon', /^--claim-after must be/],
    ['--since 5', /Unknown option '--since'/],
    ['audit', /Unexpected argument 'audit'/],
    ['--follow=yes', /--follow/],
  ])('weir events %s is refused', (words, problem) => {
    const said = parseEventsOptions(words.split(' '));
    if (typeof problem === 'string') expect(said).toBe(problem);
    else expect(said).toMatch(problem);
  });
});

describe('how an event is written', () => {
  const at = { wallMs: 1_795_000_000_123, counter: 7 };

  test('for a person', () => {
    const details = { version: 3, kept: '', by: 'ann', reason: 'a "b"', isOwn: true, next: null };
    const event = recorded({ at, term: 4, details });
    expect(textLine(event, false)).toBe(
      '2026-11-18T11:06:40.123Z+7 audit weir-0#1 rules-loaded term=4 version=3 kept="" by=ann ' +
        'reason="a \\"b\\"" isOwn=true next=null',
    );
    expect(textLine(recorded({ instance: 'a b', details: {} }), true)).toMatch(
      / audit "a b"#1 rules-loaded \(late\)$/,
    );
  });

  test('for a program', () => {
    expect(JSON.parse(jsonLine(recorded({ at }), '5-0', false))).toEqual({
      id: '5-0',
      time: '2026-11-18T11:06:40.123Z',
      counter: 7,
      kind: 'audit',
      name: 'rules-loaded',
      instance: 'weir-0',
      incarnation: 7,
      sequence: 1,
      details: { version: 3 },
    });
    const late = JSON.parse(jsonLine(recorded({ term: 4 }), '5-0', true));
    expect(late).toMatchObject({ term: 4, late: true });
  });

  test('no text of a request gives a terminal orders, or breaks the line', () => {
    const key = 'a\n\u001b[2J\u009b31m\u202e\u2028\u0000\ud800';
    for (const line of [
      textLine(recorded({ details: { key }, instance: key }), false),
      jsonLine(recorded({ details: { key }, instance: key }), '5-0', false),
    ]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
    }
    const { details } = JSON.parse(jsonLine(recorded({ details: { key } }), '5-0', false));
    expect(details.key).toBe(key);
  });
});

interface Ran {
  readonly code: number;
  readonly printed: readonly string[];
  readonly complained: readonly string[];
}

async function weirEvents(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const printed: string[] = [];
  const complained: string[] = [];
  const { signal } = new AbortController();
  const code = await runEvents(
    words,
    { env, signal },
    { print: (line) => printed.push(line), complain: (line) => complained.push(line) },
  );
  return { code, printed, complained };
}

async function startRig() {
  const server = await startRedis();
  onTestFinished(() => server.stop().then(() => undefined));
  const redis = new Redis(server.port);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const place = { address: { host: '127.0.0.1', port: server.port } };
  const replica = new Replica(place, { stream: STREAM });
  const REDIS_URL = `127.0.0.1:${server.port}`;
  return { server, redis, replica, env: { REDIS_URL, EVENTS_STREAM: STREAM } };
}

describe('the command', () => {
  test('is in the help', () => {
    expect(USAGE).toContain('weir events [--kind audit|abuse]');
  });

  test.each([
    ['bad words', ['--count', '0'], {}, /--count must be/],
    ['bad settings', [], { PORT: 'x' }, /^weir: PORT="x" must be/],
    ['no stream', [], { REDIS_URL: 'x:1' }, 'weir: set EVENTS_STREAM, and what names the Redis'],
    ['no Redis', [], { EVENTS_STREAM: 'e' }, /EVENTS_STREAM needs a Redis/],
  ])('%s end it before anything is read', async (_name, words, env, said) => {
    const { code, printed, complained } = await weirEvents(words, env);
    expect([code, printed]).toEqual([2, []]);
    expect(complained[0]).toMatch(said);
  });

  test('a Redis that is not there is told with advice, and is exit code 1', async () => {
    const { server, env } = await startRig();
    await server.kill();
    const { code, printed, complained } = await weirEvents([], env);
    expect([code, printed]).toEqual([1, []]);
    expect(complained).toEqual([
      expect.stringMatching(/^weir: redis 127.*ECONNREFUSED.*\. Nothing listens there/),
    ]);
  });

  test('shows events in lines, and what is wrong beside them', async () => {
    const { redis, replica, env } = await startRig();
    for (const version of [1, 2, 3]) replica.audit(version);
    replica.abuse('a b');
    await replica.written(4);
    const entries = await redis.xrange(STREAM, '-', '+');
    await redis.xdel(STREAM, entries[1]?.[0] ?? '');
    await redis.xadd(STREAM, '*', 'temperature', '20');
    const { code, printed, complained } = await weirEvents([], env);
    expect(code).toBe(0);
    expect(printed.map((line) => line.replace(/^\S+ /, ''))).toEqual([
      'audit weir-0#1 rules-loaded version=1',
      'audit weir-0#3 rules-loaded version=3',
      'abuse weir-0#1 over-limit key="a b"',
    ]);
    expect(complained).toEqual([
      expect.stringMatching(/^weir: missing: audit number 2 of "weir-0", run \d+$/),
      expect.stringMatching(/^weir: the audit entry \d+-\d+ is no event: it has no field v/),
    ]);
  });

  test('shows one kind as JSON, from the id of an entry on', async () => {
    const { replica, env } = await startRig();
    for (const version of [1, 2, 3, 4, 5]) replica.audit(version);
    replica.abuse('k');
    await replica.written(6);
    const all = await weirEvents(['--json', '--kind', 'audit'], env);
    const events = all.printed.map((line) => JSON.parse(line));
    expect(events.map(({ details }) => details.version)).toEqual([1, 2, 3, 4, 5]);
    const from = await weirEvents(['--json', '--from', events[3].id, '--count', '2'], env);
    expect(from.printed.map((line) => JSON.parse(line).sequence)).toEqual([4, 5]);
    expect((await weirEvents(['--from', '2100-01-01'], env)).printed).toEqual([]);
  });

  test('as one of a group goes on where it was', async () => {
    const { replica, env } = await startRig();
    replica.audit(1);
    await replica.written(1);
    const words = ['--group', 'g', '--consumer', 'c'];
    expect((await weirEvents(words, env)).printed).toHaveLength(1);
    expect((await weirEvents(words, env)).printed).toHaveLength(0);
  });
});

describe('the process', () => {
  function start(words: readonly string[], env: Readonly<Record<string, string>>): Child {
    const child = new Child({
      command: [process.execPath, SCRIPT, 'events', ...words],
      env: { PATH: process.env['PATH'], ...env },
    });
    onTestFinished(() => child.stop('SIGKILL').then(() => undefined));
    return child;
  }

  test('follows until it is told to end, and ends well', async () => {
    const { replica, env } = await startRig();
    const child = start(['--follow', '--group', 'g', '--consumer', 'c'], env);
    replica.audit(1);
    await until(
      () => child.output,
      (output) => output.includes('version=1'),
      20_000,
    );
    replica.audit(2);
    await until(
      () => child.output,
      (output) => output.includes('version=2'),
      20_000,
    );
    expect(await child.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(child.output.trim().split('\n')).toHaveLength(2);
  });

  test('ends quietly when nobody reads on', async () => {
    const { replica, env } = await startRig();
    for (let i = 0; i < 500; i++) replica.audit(i);
    await replica.written(500);
    const child = new Child({
      command: ['sh', '-c', `"${process.execPath}" "${SCRIPT}" events --json | head -n 1`],
      env: { PATH: process.env['PATH'], ...env },
    });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.output.trim().split('\n')).toHaveLength(1);
  });
});
