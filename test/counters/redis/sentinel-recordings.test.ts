/**
 * Failovers as real Sentinels went through them, played to a SentinelView: which server it counts at, and
 * from when on.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseNaming } from '../../../src/counters/redis/sentinel-replies.ts';
import { type Role, SentinelView } from '../../../src/counters/redis/sentinel-view.ts';

const ROLES: Readonly<Record<string, Role>> = {
  master: 'primary',
  slave: 'replica',
  silent: 'failed',
};
/** Roles are asked for so often, and a Sentinel's answer may be as old as this. */
const LOOK_MS = 50;
const OLD_MS = 250;

interface Recorded {
  readonly ms: number;
  readonly who: string;
  readonly what: string;
}

function recording(name: string): Recorded[] {
  const url = new URL(`./recordings/${name}.txt`, import.meta.url);
  const lines = readFileSync(url, 'utf8').split('\n');
  return lines
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [, ms = '', who = '', what = ''] = /^(\d+) (\w+) (.*)$/.exec(line) ?? [];
      return { ms: Number(ms), who, what };
    });
}

/** As the Sentinel's two replies. */
function namingOf(what: string) {
  const [own = '', ...others] = what.split(' | ');
  const [port = '', flags = '', state = '', epoch = ''] = own.split(' ');
  const failover = state === '-' ? [] : ['failover-state', state];
  const master = ['ip', 'r', 'port', port, 'flags', flags, ...failover, 'config-epoch', epoch];
  const replicas = others.map((other) => {
    const [its = '', itsFlags = ''] = other.split(' ');
    return ['ip', 'r', 'port', its, 'flags', itsFlags];
  });
  return parseNaming(master, replicas);
}

/** `ms port` for each server that it went to. */
function follow(records: readonly Recorded[]): string[] {
  const view = new SentinelView();
  const roles = new Map<string, Role>();
  const went: string[] = [];
  let isSearching = true;
  const look = (now: number): void => {
    for (const [server, role] of roles) view.noteRole(server, role);
    const other = isSearching ? null : view.other(now);
    if (other !== null) {
      view.release();
      isSearching = true;
      view.beginSearch(now);
      for (const [server, role] of roles) view.noteRole(server, role);
    }
    const chosen = isSearching ? view.choose(now) : null;
    if (chosen === null) return;
    view.settle(chosen, now);
    isSearching = false;
    went.push(`${now} ${chosen.port}`);
  };
  const endMs = (records.at(-1) as Recorded).ms + LOOK_MS;
  view.beginSearch(0);
  for (let [now, at] = [0, 0]; now <= endMs; now += 1) {
    for (; records[at]?.ms === now; at += 1) {
      const { who, what } = records[at] as Recorded;
      if (who.startsWith('s')) view.note(who, namingOf(what), now);
      else roles.set(`r:${who.slice(1)}`, ROLES[what] as Role);
      // A connection to a server that does not answer is lost: a search begins.
      if (what === 'silent' && went.at(-1)?.endsWith(` ${who.slice(1)}`) === true) {
        isSearching = true;
        view.beginSearch(now);
      }
      if (who.startsWith('s')) look(now);
    }
    if (now % LOOK_MS === 0) look(now);
  }
  return went;
}

const awake = ({ who, what, ms }: Recorded): boolean =>
  !(who === 'r2' && ((what === 'silent' && ms < 5000) || ms === 5180));
const delayed = (who: string) => (record: Recorded) =>
  record.who === who ? { ...record, ms: record.ms + OLD_MS } : record;
const inOrder = (one: Recorded, other: Recorded): number => one.ms - other.ms;

test.each([
  ['as it was', recording('second-wins'), ['2 1', '1500 2', '2800 3']],
  [
    'when what was promoted first does not hang, and goes on calling itself primary',
    recording('second-wins').filter(awake),
    ['2 1', '1500 2', '3270 3'],
  ],
  [
    'and what its Sentinel said before is heard late',
    recording('second-wins').filter(awake).map(delayed('s3')).sort(inOrder),
    ['2 1', '1478 2', '3270 3'],
  ],
])('the second failover wins, %s', (_, records, want) => {
  expect(follow(records)).toEqual(want);
});

test('the first failover wins after all: its end counts as soon as its Sentinel knows', () => {
  expect(follow(recording('first-wins'))).toEqual(['2 1', '1600 3', '2900 2', '3687 3']);
});
