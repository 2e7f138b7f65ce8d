/** What one node of a cluster says of all of it: CLUSTER INFO and CLUSTER SLOTS, checked. */
import type { HostPort } from '../redis-options.ts';
import { hostPort } from './redirection.ts';
import { SLOTS } from './slots.ts';

/** As many as a cluster is meant to have at most, by Redis's own documentation. */
export const NODES_MAX = 1000;

export interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly primary: HostPort;
}

export interface ClusterView {
  /** Grows with each change of owners: a view of a lower one is of the past. */
  readonly epoch: number;
  readonly ranges: readonly SlotRange[];
  /** Primaries and replicas. */
  readonly nodes: readonly HostPort[];
}

/** Throws an Error that says what is wrong with the replies. `asked`: who gave them. */
export function parseClusterView(state: unknown, slots: unknown, asked: HostPort): ClusterView {
  const epoch = Number(/^cluster_current_epoch:(\d{1,15})\r?$/m.exec(String(state))?.[1] ?? 'x');
  if (Number.isNaN(epoch)) throw new Error('CLUSTER INFO tells no epoch');
  if (!Array.isArray(slots)) throw new Error('CLUSTER SLOTS is no list');
  if (slots.length === 0) throw new Error('the node owns no slots and knows nobody who does');
  const nodes = new Map<string, HostPort>();
  const ranges = slots.map((its: unknown) => parseRange(its, nodes, asked));
  if (nodes.size > NODES_MAX) throw new Error(`more than ${NODES_MAX} nodes`);
  return { epoch, ranges, nodes: [...nodes.values()] };
}

function parseRange(its: unknown, nodes: Map<string, HostPort>, asked: HostPort): SlotRange {
  const [first, last, ...servers]: unknown[] = Array.isArray(its) ? its : [];
  const [primary] = servers.map((server) => {
    const address = parseNode(server, asked);
    nodes.set(`${address.host} ${address.port}`, address);
    return address;
  });
  if (!isSlot(first) || !isSlot(last) || last < first || primary === undefined) {
    throw new Error('CLUSTER SLOTS: a range is none');
  }
  return { first, last, primary };
}

function parseNode(server: unknown, asked: HostPort): HostPort {
  const [host, port]: unknown[] = Array.isArray(server) ? server : [];
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error('CLUSTER SLOTS: a node has no port');
  }
  return hostPort(typeof host === 'string' ? host : '', port, asked);
}

function isSlot(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOTS;
}
