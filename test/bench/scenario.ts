/**
 * What `npm run bench` measures, as a table: each row starts its own processes, and is compared with
 * the others of its group and with the yardstick, a grpc-js server whose handler does nothing.
 */

/** Which requests are asked, under which rules. */
export interface Traffic {
  readonly descriptors: number;
  /** Requests that differ, each with counters of its own, asked in turns. */
  readonly keys: number;
  /** The first `descriptors` of them take any value, the others are literals of one key. */
  readonly rules: number;
}

/**
 * - `closed`: so many calls always in flight, all connections together: what a call costs.
 * - `rate`: calls due at fixed times, whatever the answers do: how long one takes.
 * - `idle`: connections on which nothing happens after one call: what one weighs.
 * - `h2load`: as closed, by a generator of another make.
 */
export type Load =
  | { readonly kind: 'closed'; readonly connections: number; readonly inFlight: number }
  | { readonly kind: 'rate'; readonly connections: number; readonly perSecond: number }
  | { readonly kind: 'idle'; readonly connections: number }
  | { readonly kind: 'h2load'; readonly connections: number; readonly inFlight: number };

export type Server =
  | { readonly kind: 'weir'; readonly store: 'memory' | 'redis'; readonly listener: Listener }
  | { readonly kind: 'grpc-js' }
  /** Any other RateLimitService, at BENCH_OTHER. */
  | { readonly kind: 'other' };
type Listener = 'native' | 'grpc-js';

export interface Scenario {
  readonly group: Group;
  readonly name: string;
  readonly server: Server;
  readonly traffic: Traffic;
  readonly load: Load;
  /** Part of the quick form, too. */
  readonly isQuick: boolean;
}

/** Groups in their order, with what their tables are called. */
export const GROUPS = {
  sideBySide:
    'Side by side: 1,000 keys; 4 connections with 100 calls in flight each, or as the row says',
  rate: 'Latency at fixed rates, 4 connections, 1,000 keys',
  matrix: 'Descriptors, keys and stores',
  rules: 'Growth with rules',
  keys: 'Growth with keys',
  connections: 'Growth with connections: 1,000 calls in flight over all',
  idle: 'Memory of a connection on which nothing happens',
} as const;
export type Group = keyof typeof GROUPS;

/** The usual request, on which every group turns one thing. */
export const USUAL: Traffic = { descriptors: 1, keys: 1000, rules: 10 };
/** As an Envoy of four worker threads has them. */
const CLOSED: Load = { kind: 'closed', connections: 4, inFlight: 400 };
/** Least to gather in one read or one call of Redis. */
const NARROW: Load = { kind: 'closed', connections: 1, inFlight: 100 };
const GRPC_JS: Server = { kind: 'grpc-js' };
const MEMORY: Server = { kind: 'weir', store: 'memory', listener: 'native' };
const REDIS: Server = { kind: 'weir', store: 'redis', listener: 'native' };
const ON_LIBRARY: Server = { kind: 'weir', store: 'memory', listener: 'grpc-js' };
const OTHER: Server = { kind: 'other' };
const STORES = [MEMORY, REDIS];

export const YARDSTICK: Scenario = {
  group: 'sideBySide',
  name: 'grpc-js, a handler that does nothing',
  server: GRPC_JS,
  traffic: USUAL,
  load: CLOSED,
  isQuick: true,
};

/** All rows; those of another service when there is one. */
export function scenarios(hasOther: boolean): Scenario[] {
  const all = [
    ...sideBySide(),
    ...rates(),
    ...matrix(),
    ...[10, 1000, 100_000].map(rulesRow),
    ...[1000, 10_000, 100_000, 1_000_000].map(keysRow),
    ...[1, 10, 100, 1000].map(connectionsRow),
    idle('grpc-js, a handler that does nothing', GRPC_JS),
    idle('Weir', MEMORY),
  ];
  return all.filter(({ server }) => hasOther || server.kind !== 'other');
}

function sideBySide(): Scenario[] {
  const byH2load: Load = { kind: 'h2load', connections: 4, inFlight: 400 };
  return [
    YARDSTICK,
    { ...YARDSTICK, name: 'Weir, memory', server: MEMORY },
    { ...YARDSTICK, name: 'Weir, Redis', server: REDIS },
    { ...YARDSTICK, name: 'Weir, memory, on the grpc-js listener', server: ON_LIBRARY },
    { ...YARDSTICK, name: 'the other service', server: OTHER },
    { ...YARDSTICK, name: 'grpc-js, 100 in flight', load: NARROW, isQuick: false },
    { ...YARDSTICK, name: 'Weir, memory, 100 in flight', server: MEMORY, load: NARROW },
    { ...YARDSTICK, name: 'Weir, Redis, 100 in flight', server: REDIS, load: NARROW },
    { ...YARDSTICK, name: 'grpc-js again', isQuick: false },
    { ...YARDSTICK, name: 'grpc-js, asked by h2load', load: byH2load, isQuick: false },
    { ...YARDSTICK, name: 'Weir, memory, by h2load', server: MEMORY, load: byH2load },
    { ...YARDSTICK, name: 'the other service, by h2load', server: OTHER, load: byH2load },
  ];
}

function rates(): Scenario[] {
  const row = (name: string, server: Server, perSecond: number, isQuick = false): Scenario => ({
    group: 'rate',
    name: `${name}, ${grouped(perSecond)} a second`,
    server,
    traffic: USUAL,
    load: { kind: 'rate', connections: 4, perSecond },
    isQuick,
  });
  return [
    row('grpc-js', GRPC_JS, 5000),
    row('grpc-js', GRPC_JS, 15_000),
    row('Weir, memory', MEMORY, 5000),
    row('Weir, memory', MEMORY, 15_000, true),
    row('Weir, memory', MEMORY, 40_000),
    row('Weir, Redis', REDIS, 5000),
    row('Weir, Redis', REDIS, 15_000, true),
    row('Weir, Redis', REDIS, 40_000),
    row('the other service', OTHER, 5000),
    row('the other service', OTHER, 15_000),
  ];
}

function matrix(): Scenario[] {
  const rows = STORES.flatMap((server) =>
    [1, 1000, 100_000].flatMap((keys) =>
      [1, 2, 4, 8].map((descriptors) => ({ server, descriptors, keys })),
    ),
  );
  return rows.map(({ server, descriptors, keys }) => ({
    ...YARDSTICK,
    group: 'matrix',
    name: `${storeName(server)}, ${counted(keys, 'key')}, ${counted(descriptors, 'descriptor')}`,
    server,
    traffic: { ...USUAL, descriptors, keys },
    isQuick: server === MEMORY && keys === 1000 && (descriptors === 1 || descriptors === 8),
  }));
}

function rulesRow(rules: number): Scenario {
  return {
    ...YARDSTICK,
    group: 'rules',
    name: `memory, ${grouped(rules)} rules`,
    server: MEMORY,
    traffic: { ...USUAL, rules },
    isQuick: rules !== 1000,
  };
}

function keysRow(keys: number): Scenario {
  return {
    ...YARDSTICK,
    group: 'keys',
    name: `memory, ${grouped(keys)} keys`,
    server: MEMORY,
    traffic: { ...USUAL, keys },
    isQuick: false,
  };
}

function connectionsRow(connections: number): Scenario {
  return {
    ...YARDSTICK,
    group: 'connections',
    name: `memory, ${counted(connections, 'connection')}`,
    server: MEMORY,
    load: { kind: 'closed', connections, inFlight: 1000 },
    isQuick: false,
  };
}

function idle(name: string, server: Server): Scenario {
  const load: Load = { kind: 'idle', connections: 1000 };
  return { ...YARDSTICK, group: 'idle', name, server, load };
}

function storeName(server: Server): string {
  return server === REDIS ? 'Redis' : 'memory';
}

function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}

/** 15,000 */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
