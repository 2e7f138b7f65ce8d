/** The small parts of a group. */
import { describe, expect, it } from 'vitest';
import { Divergence } from '../../../src/peers/group/divergence.ts';
import { healthScore } from '../../../src/peers/group/health-score.ts';
import { LeaderRoute } from '../../../src/peers/group/leader-route.ts';
import { LoopLag } from '../../../src/peers/group/loop-lag.ts';
import { PeerCounts } from '../../../src/peers/group/peer-counts.ts';
import { Proposals } from '../../../src/peers/group/proposals.ts';
import { until } from '../../support/child.ts';

const WELL = { answerAgeMs: 0, loopLagMs: 0, errorRatio: 0, isStoreHealthy: true };

describe('the health of a replica', () => {
  it.each([
    ['all well', {}, 1],
    ['answered two refreshes ago', { answerAgeMs: 5000 }, 1],
    ['half of the rest of its lease ago', { answerAgeMs: 7500 }, 0.5],
    ['never again', { answerAgeMs: 1e9 }, 0.05],
    ['a loop that is busy', { loopLagMs: 20 }, 1],
    ['a loop that is late', { loopLagMs: 260 }, 0.5],
    ['a loop that stood still', { loopLagMs: 5000 }, 0.05],
    ['a quarter of errors', { errorRatio: 0.25 }, 0.75],
    ['a ratio that is none', { errorRatio: 7 }, 0.05],
    ['no store', { isStoreHealthy: false }, 0.5],
    ['several troubles', { isStoreHealthy: false, errorRatio: 0.5, loopLagMs: 260 }, 0.125],
  ])('%s', (_what, readings, score) => {
    const options = { renewMs: 2500, ttlMs: 10_000 };
    expect(healthScore({ ...WELL, ...readings }, options)).toBeCloseTo(score, 5);
  });
});

describe('the way to the leader', () => {
  const VOTERS = ['a', 'b', 'c'];
  /** Whom each names; `down` does not answer. */
  type Says = Record<string, string | null>;

  async function asked(says: Says, triesMax = 3, route = new LeaderRoute(VOTERS, 0)) {
    const order: string[] = [];
    const reply = await route.ask(async (voter) => {
      order.push(voter);
      const said = says[voter];
      if (said === 'down') return null;
      if (said === voter) return { kind: 'decided' };
      return { kind: 'not-leader', leader: said ?? null };
    }, triesMax);
    return { order, found: reply !== null, route };
  }

  it.each([
    ['the first one leads', { a: 'a' }, ['a'], true],
    ['the first one knows', { a: 'c', c: 'c' }, ['a', 'c'], true],
    ['two are down', { a: 'down', b: 'down', c: 'c' }, ['a', 'b', 'c'], true],
    ['nobody leads', { a: null, b: null, c: null }, ['a', 'b', 'c'], false],
    ['they point at each other', { a: 'b', b: 'a', c: 'a' }, ['a', 'b', 'c'], false],
    ['a stranger is named', { a: 'x', b: 'b' }, ['a', 'b'], true],
  ])('%s', async (_what, says, order, found) => {
    expect(await asked(says)).toMatchObject({ order, found });
  });

  it('begins with whom it knows, and elsewhere each time when it knows nobody', async () => {
    const { route } = await asked({ a: 'b', b: 'b' });
    expect(route.leader).toBe('b');
    expect((await asked({ b: 'down', c: 'c' }, 3, route)).order).toEqual(['b', 'c']);
    expect((await asked({ c: 'down', a: 'down', b: 'down' }, 3, route)).order[0]).toBe('c');
    expect(route.leader).toBeNull();
    expect((await asked({}, 1, route)).order).toEqual(['b']);
    expect((await asked({}, 1, route)).order).toEqual(['c']);
  });
});

describe('proposals', () => {
  const entry = (index: number, term: number) => ({ index, term, payload: null });

  it('are applied, lost, or refused', async () => {
    const counts = new PeerCounts();
    const proposals = new Proposals(counts);
    const [first, second, third, fourth, fifth] = [1, 2, 3, 4, 5].map((id) => proposals.add(id, 2));
    proposals.accepted({ kind: 'accepted', id: 1, index: 5, term: 2 });
    proposals.accepted({ kind: 'accepted', id: 2, index: 7, term: 2 });
    proposals.accepted({ kind: 'accepted', id: 3, index: 9, term: 2 });
    proposals.accepted({ kind: 'accepted', id: 99, index: 9, term: 2 });
    proposals.refused(4);
    proposals.refused(99);
    for (const at of [5, 6, 7]) proposals.applied(entry(at, 2));
    proposals.applied(entry(8, 3));
    proposals.endAll();
    expect(await Promise.all([first, second, third, fourth, fifth])).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(counts.proposals).toEqual({ applied: 1, lost: 1, refused: 3, late: 0 });
  });
});

describe('the ledgers of two voters', () => {
  it('differ when their fingerprints do at one index, which is news once', () => {
    const divergence = new Divergence();
    const own = { index: 4096, fingerprint: 'a' };
    expect(divergence.isNews(null, 'b', own)).toBe(false);
    expect(divergence.isNews(own, 'b', own)).toBe(false);
    expect(divergence.isNews(own, 'b', { index: 8192, fingerprint: 'b' })).toBe(false);
    const other = { index: 4096, fingerprint: 'b' };
    const news = [1, 2].map(() => divergence.isNews(own, 'b', other));
    expect(news).toEqual([true, false]);
    expect(divergence.isNews(own, 'c', other)).toBe(true);
  });
});

describe('counts', () => {
  it('are by kind and event', () => {
    const counts = new PeerCounts();
    counts.message('vote', 'sent');
    counts.message('vote', 'sent');
    counts.message('unknown', 'dropped');
    expect([...counts.messages()]).toEqual([
      { kind: 'vote', event: 'sent', count: 2 },
      { kind: 'unknown', event: 'dropped', count: 1 },
    ]);
    expect(counts.messageCount('append', 'sent')).toBe(0);
  });
});

describe('the lag of the event loop', () => {
  it('is seen after the loop stood still, and fades', async () => {
    const lag = new LoopLag(() => performance.now());
    lag.start();
    lag.start();
    const standsUntil = performance.now() + 300;
    while (performance.now() < standsUntil);
    const seen = await until(
      () => lag.ms,
      (ms) => ms >= 100,
    );
    await until(
      () => lag.ms,
      (ms) => ms < seen,
    );
    lag.stop();
  });
});
