/** Effects, messages and nodes in one line each, as transcripts tell them. */
import type { Effect } from '../../../../src/core/raft/effect.ts';
import type { Entry, NodeId, Position } from '../../../../src/core/raft/log-entry.ts';
import type { Message, MessageBody } from '../../../../src/core/raft/message.ts';
import type { RaftNode } from '../../../../src/core/raft/raft-node.ts';
import { logText } from './test-cluster.ts';

/** What an effect looks like; timers are not told, and in quiet neither messages nor disks. */
export function effectLines(id: NodeId, effect: Effect, isQuiet: boolean): string[] {
  if (isQuiet && ['send', 'persist', 'compact'].includes(effect.kind)) return [];
  const line = effectText(effect);
  return line === null ? [] : [effect.kind === 'send' ? line : `${id} ${line}`];
}

function effectText(effect: Effect): string | null {
  switch (effect.kind) {
    case 'persist': {
      const { term, vote, snapshot, truncateFrom, entries } = effect;
      const parts = [`term ${term}`, `vote ${vote ?? '-'}`];
      if (snapshot !== null) parts.push(`snapshot ${at(snapshot.meta)}`);
      if (truncateFrom !== null) parts.push(`cut from ${truncateFrom}`);
      if (entries.length > 0) parts.push(`add ${entriesText(entries)}`);
      return `writes ${parts.join(', ')}`;
    }
    case 'send':
      return messageText(effect.message);
    case 'apply':
      return `applies ${entriesText(effect.entries)}`;
    case 'install-snapshot':
      return `installs snapshot ${at(effect.snapshot.meta)}`;
    case 'compact':
      return `compacts through ${effect.through}`;
    case 'set-timer':
      return null;
    case 'read-ready':
      return `may read at ${effect.index}`;
    case 'accepted':
      return `accepts ${effect.index}/${effect.term}`;
    case 'refused':
      return `refuses ${effect.request}: ${effect.reason}, leader ${effect.leader ?? '-'}`;
    case 'dropped':
      return `drops a message of ${effect.from}: ${effect.reason}`;
    case 'role-changed':
      return `is ${effect.role} of term ${effect.term}${following(effect.role, effect.leader)}`;
  }
}

export function messageText({ from, to, term, body }: Message): string {
  return `${from}->${to} t${term} ${body.kind}${bodyText(body)}`;
}

function bodyText(body: MessageBody): string {
  switch (body.kind) {
    case 'pre-vote':
      return ` for term ${body.campaignTerm}, log ends at ${at(body.last)}`;
    case 'vote':
      return ` log ends at ${at(body.last)}${body.isTransfer ? ', by transfer' : ''}`;
    case 'pre-vote-reply':
    case 'vote-reply':
      return body.isGranted ? ' yes' : ' no';
    case 'append': {
      const what = body.entries.length === 0 ? 'nothing' : entriesText(body.entries);
      return ` ${what} after ${at(body.prev)}, commit ${body.commit}`;
    }
    case 'append-reply': {
      if (body.isMatch) return ` match ${body.match}${body.isFull ? ', full' : ''}`;
      const { index, term } = body.conflict;
      return ` conflict at ${body.prevIndex}: ${term === null ? 'ends' : `term ${term} begins`} at ${index}`;
    }
    case 'snapshot-chunk':
      return ` ${at(body.snapshot)}, ${body.bytes.length} bytes from ${body.offset} of ${body.snapshot.size}`;
    case 'snapshot-reply':
      return ` ${at(body.snapshot)}, has ${body.received} bytes`;
    case 'timeout-now':
      return '';
  }
}

/** `1 leader of term 2: commit 3 applied 3, log 1/1 2/1x 3/2`. */
export function nodeLine(id: NodeId, node: RaftNode | null): string {
  if (node === null) return `${id} is down`;
  const { role, term, commit, applied } = node;
  const log = logText(node) || '-';
  const who = `${role.kind} of term ${term}${following(role.kind, node.leader)}`;
  return `${id} ${who}: commit ${commit}, applied ${applied}, log ${log}`;
}

function following(role: string, leader: NodeId | null): string {
  return role === 'follower' && leader !== null ? `, follows ${leader}` : '';
}

function entriesText(entries: readonly Entry[]): string {
  const text = ({ payload }: Entry): string =>
    payload === null ? '' : new TextDecoder().decode(payload);
  return entries.map((entry) => `${at(entry)}${text(entry)}`).join(' ');
}

function at({ index, term }: Position): string {
  return `${index}/${term}`;
}
