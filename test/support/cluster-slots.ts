/**
 * Slots of a Redis Cluster: which node owns which, as the nodes themselves say, and moving one as an
 * operator's tool does, in steps that a test may stop between.
 */
import type { RedisNode } from './redis-node.ts';

export const SLOTS = 16_384;
/** Keys moved by one MIGRATE: small, so that a slot is half-moved for a while. */
const MIGRATE_KEYS = 10;
const MIGRATE_MS_MAX = 400;
/** A slot of 100,000 keys; a moving slot only loses keys, so it ends far earlier. */
const BATCHES_MAX = 10_000;

/** Where moving a slot stands: both sides told, some of its keys moved, all of them moved. */
export interface MoveStep {
  readonly slot: number;
  readonly phase: 'marked' | 'moving' | 'emptied';
  readonly keysMoved: number;
}

export interface Move {
  readonly from: RedisNode;
  readonly to: RedisNode;
  /** All other primaries, to be told of the new owner at once. */
  readonly others: readonly RedisNode[];
  /** Awaited after each step: the slot stays as it is meanwhile. */
  readonly onStep?: ((step: MoveStep) => Promise<void> | void) | undefined;
}

/** Moves one slot with its keys. Rejects when a node refuses; the slot then stays half-moved. */
export async function moveSlot(slot: number, { from, to, others, onStep }: Move): Promise<void> {
  const [fromId, toId] = await Promise.all([from, to].map((node) => node.text('CLUSTER', 'MYID')));
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId as string);
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId as string);
  await onStep?.({ slot, phase: 'marked', keysMoved: 0 });
  let keysMoved = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const keys = await from.callBytes('CLUSTER', 'GETKEYSINSLOT', slot, MIGRATE_KEYS);
    if (!Array.isArray(keys) || keys.length === 0) break;
    const target = ['127.0.0.1', to.port, '', 0, MIGRATE_MS_MAX, 'KEYS'] as const;
    await from.callBytes('MIGRATE', ...target, ...(keys as Buffer[]));
    keysMoved += keys.length;
    await onStep?.({ slot, phase: 'moving', keysMoved });
  }
  await onStep?.({ slot, phase: 'emptied', keysMoved });
  // The new owner first: were it the old one, a lost message would leave the slot without an owner.
  for (const node of [to, from])
    await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId as string);
  // Hears of it by gossip when it does not answer now.
  const tell = (node: RedisNode) => node.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId as string);
  await Promise.allSettled(others.map(tell));
}

/** The owner of each slot by the nodes' own words; null where none that answers claims it. */
export async function slotOwners(nodes: readonly RedisNode[]): Promise<(RedisNode | null)[]> {
  const claims = await Promise.all(nodes.map(ownClaim));
  const owners = Array.from<RedisNode | null>({ length: SLOTS }).fill(null);
  // A later epoch wins, as it does among the nodes: a primary that wakes up does not know it is none.
  for (const { node, ranges } of claims.toSorted((a, b) => a.epoch - b.epoch)) {
    for (const [first, last] of ranges) owners.fill(node, first, last + 1);
  }
  return owners;
}

interface Claim {
  readonly node: RedisNode;
  readonly epoch: number;
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

/** The line of CLUSTER NODES that a node says of itself: `… epoch link-state slot first-last …`. */
async function ownClaim(node: RedisNode): Promise<Claim> {
  const text = await node.text('CLUSTER', 'NODES').catch(() => '');
  const words = text
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , flags = '']) => flags.includes('myself') && flags.includes('master'));
  if (words === undefined) return { node, epoch: 0, ranges: [] };
  // `[slot->-id]` is one that is being moved, named by its range as well.
  const ranges = words.slice(8).filter((word) => /^\d/.test(word));
  return {
    node,
    epoch: Number(words[6]),
    ranges: ranges.map((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return [first as number, last as number];
    }),
  };
}
