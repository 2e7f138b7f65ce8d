import { describe, expect, it } from 'vitest';
import type { Clocks } from '../../../src/peers/clocks.ts';
import { ClockSkew } from '../../../src/peers/group/clock-skew.ts';
import { ClockWatch } from '../../../src/peers/group/clock-watch.ts';
import type { GroupEvent } from '../../../src/peers/group/group-event.ts';

const WALL = 1_790_000_000_000;

class World implements Clocks {
  now = 1000;
  shiftMs = 0;
  readonly monotonic = (): number => this.now;
  readonly wall = (): number => WALL + this.now + this.shiftMs;
  readonly random = (): number => 0.5;
  readonly skew: ClockSkew;

  constructor(isVoter = true) {
    this.skew = new ClockSkew(this, isVoter);
  }

  /** A round trip to a voter whose clock is ahead by so much. */
  sample(id: string, aheadMs: number, roundTripMs = 2): void {
    const sentAt = this.now;
    const theirs = WALL + sentAt + roundTripMs / 2 + aheadMs;
    this.now += roundTripMs;
    this.skew.observe(id, sentAt, theirs);
  }
}

describe('clock skew', () => {
  it('is known within half of the shortest round trip of the latest eight', () => {
    const world = new World();
    world.sample('b', 100, 2);
    world.sample('b', 900, 400);
    expect(world.skew.peers()).toEqual([{ id: 'b', skewMs: 100, uncertaintyMs: 1 }]);
    for (let i = 0; i < 8; i++) world.sample('b', -20, 10);
    expect(world.skew.peers()).toEqual([{ id: 'b', skewMs: -20, uncertaintyMs: 5 }]);
  });

  it('of a voter that was silent for a minute is forgotten', () => {
    const world = new World();
    world.sample('b', 100);
    world.now += 60_001;
    expect(world.skew.peers()).toEqual([]);
  });

  it('shows a step of the own clock at once', () => {
    const world = new World();
    world.sample('b', 0);
    world.shiftMs = 300;
    expect(world.skew.peers()[0]?.skewMs).toBe(-300);
  });

  it.each([
    ['nobody else is known', {}, 0],
    ['one of three is off: it is that one', { b: 900, c: 0 }, 0],
    ['two of three agree that it is not', { b: 900, c: 901 }, 899],
    ['behind as well as ahead', { b: -700, c: -800 }, 699],
    ['two that differ cannot say who is wrong', { b: 900 }, 0],
    ['two sides of it', { b: 900, c: -900 }, 0],
    ['of five, the one in the middle', { b: 300, c: 400, d: 500, e: 0 }, 299],
  ])('of its own: %s', (_what, peers, expected) => {
    const world = new World();
    for (const [id, ahead] of Object.entries(peers)) world.sample(id, ahead);
    expect(world.skew.ownMs).toBe(expected);
  });

  it('of a lessee is what its leader says', () => {
    const world = new World(false);
    expect(world.skew.ownMs).toBe(0);
    world.sample('b', 600);
    expect(world.skew.ownMs).toBe(599);
  });

  it('takes no answer from before the question, and no time that is none', () => {
    const world = new World();
    world.skew.observe('b', world.now + 1, WALL);
    world.skew.observe('b', world.now, Number.NaN);
    expect(world.skew.peers()).toEqual([]);
  });
});

describe('what follows from it', () => {
  it('comes at 50, 250 and 500 ms, and goes well below', () => {
    const world = new World(false);
    const events: GroupEvent[] = [];
    const watch = new ClockWatch(world.skew, (event) => events.push(event));
    world.sample('b', 0, 0);
    const states = [49, 50, 249, 250, 499, 500, 401, 399, 201, 199, 41, 39].map((shift) => {
      world.shiftMs = -shift;
      watch.look();
      return watch.state;
    });
    expect(states).toEqual([
      'good',
      'off',
      'off',
      'passive',
      'passive',
      'fenced',
      'fenced',
      'passive',
      'passive',
      'off',
      'off',
      'good',
    ]);
    const own = events.filter((event) => event.kind === 'clock' && event.id === null);
    expect(own).toHaveLength(6);
    expect(events).toContainEqual({ kind: 'clock', id: 'b', state: 'off', skewMs: 50 });
  });
});
