/**
 * The one way to change a node: `step` takes an input and gives the effects, in the order in which they are
 * to be carried out. No clock, no chance, no IO, no await: between "have I voted" and "vote" nothing can
 * come. Time and chance are in the inputs.
 */
import type { MonotonicMs } from '../time.ts';
import { advanceCommit, applyCommitted } from './commit.ts';
import { onSnapshotDurable, onSnapshotMade } from './compaction.ts';
import type { Effect } from './effect.ts';
import { startPreVote, tallyVotes } from './election.ts';
import type { Input, Tick } from './input.ts';
import { leaderDeadline, tickLeader } from './leadership.ts';
import { onPropose } from './proposals.ts';
import type { RaftNode } from './raft-node.ts';
import { answerReads, onRead } from './reads.ts';
import { receive } from './receiving.ts';
import { onTransfer } from './transfer.ts';

/** Changes `node`. `now` by the node's own monotonic clock; one that went back is taken as standing. */
export function step(node: RaftNode, input: Input, now: MonotonicMs): readonly Effect[] {
  node.now = Math.max(node.now, now);
  node.effects = [];
  take(node, input);
  settle(node);
  return node.effects;
}

function take(node: RaftNode, input: Input): void {
  switch (input.kind) {
    case 'message':
      receive(node, input.message);
      return;
    case 'tick':
      onTick(node, input);
      return;
    case 'propose':
      onPropose(node, input);
      return;
    case 'persisted':
      onPersisted(node, input.sequence);
      return;
    case 'transfer':
      onTransfer(node, input);
      return;
    case 'read':
      onRead(node, input);
      return;
    case 'snapshot-made':
      onSnapshotMade(node, input);
      return;
  }
}

/** Each tick draws the timeout anew (thesis, 3.4), so that two that collided once do not again. */
function onTick(node: RaftNode, { chance }: Tick): void {
  node.electionTimeoutMs = node.options.electionTimeoutMs * (1 + chance);
  node.toldTimer = null; // It went off, maybe a little early: it must be set again in any case.
  if (node.role.kind === 'leader') tickLeader(node, node.role);
  else if (node.now >= node.electionDeadline) startPreVote(node);
}

/** The disk has more: messages may go, its own vote and log count. */
function onPersisted(node: RaftNode, sequence: number): void {
  const { sends, snapshot } = node.durability.acknowledge(sequence);
  node.effects.push(...sends);
  if (snapshot !== null) onSnapshotDurable(node, snapshot);
  tallyVotes(node);
  if (node.role.kind === 'leader') advanceCommit(node, node.role);
}

/** What follows from any input. */
function settle(node: RaftNode): void {
  applyCommitted(node);
  if (node.role.kind === 'leader') answerReads(node, node.role);
  const persist = node.durability.flush(node, node.log, node.now);
  if (persist !== null) {
    node.effects.unshift(persist);
    if (node.has('send-before-durable')) onPersisted(node, persist.sequence);
  }
  tellRole(node);
  tellTimer(node);
}

function tellRole(node: RaftNode): void {
  const { term, leader, toldRole: told } = node;
  const role = node.role.kind;
  if (told?.role === role && told.term === term && told.leader === leader) return;
  node.toldRole = { kind: 'role-changed', role, term, leader };
  node.effects.push(node.toldRole);
}

function tellTimer(node: RaftNode): void {
  const { role } = node;
  const at = role.kind === 'leader' ? leaderDeadline(node, role) : node.electionDeadline;
  if (at === node.toldTimer) return;
  node.toldTimer = at;
  node.effects.push({ kind: 'set-timer', at });
}
