/**
 * Where Redis is, in the forms users of the reference have: `host:port`, a `redis://` or `rediss://`
 * URL, or the path of a unix socket; for Sentinel the primary's name and the Sentinels, for a
 * cluster some of its nodes. REDIS_SOCKET_TYPE says whether it is a path, but its default (unix) is
 * so often left in place that what is no path is taken as tcp, with a note.
 */
import { splitHostPort } from './parse-value.ts';
import type { Address } from './row.ts';
import { Secret } from './secret.ts';

export type RedisTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'sentinel';
      /** Its name at the Sentinels. */
      readonly primary: string;
      readonly sentinels: readonly Address[];
      /** At the Sentinels; '' when none is named. */
      readonly username: string;
      readonly password: Secret | null;
    }
  /** Some of its nodes: the others are found through them. */
  | { readonly kind: 'cluster'; readonly nodes: readonly Address[] };

export interface RedisPlace {
  readonly target: RedisTarget;
  /** '' when none is named. */
  readonly username: string;
  readonly password: Secret | null;
  /** Number of the database, 0 unless the URL names one. */
  readonly database: number;
  /** The URL says rediss://. */
  readonly isSecure: boolean;
}

/** `expected` completes "X must be …"; `text` stands in place of the sentence. */
export type RedisPlaceResult =
  | { readonly place: RedisPlace; readonly isTcpAssumed: boolean }
  | { readonly expected: string }
  | { readonly text: string };

export type RedisType = 'SINGLE' | 'SENTINEL' | 'CLUSTER';
export type SocketType = 'unix' | 'tcp' | null;

const DEFAULT_PORT = 6379;
/** As many as are asked side by side. */
const SENTINELS_MAX = 32;
/** To find the cluster by; the others are found through them. */
const NODES_MAX = 32;
const SINGLE_EXPECTED =
  'host:port, redis[s]://[user:password@]host[:port][/database], or the path of a unix socket';
const LIST_EXPECTED = 'tcp, as the URL is a list of hosts';
/** The reference's own words. */
const SENTINEL_TEXT =
  'Expected master name and a list of urls for the sentinels, in the format: ' +
  '<redis master name>,<sentinel1>,...,<sentineln>';

/** What `url` is by the type; `socketType` is null when its variable is unset. */
export function parseRedisUrl(
  url: string,
  type: RedisType,
  socketType: SocketType,
): RedisPlaceResult {
  if (type === 'SENTINEL') return parseSentinels(url, socketType);
  if (type === 'CLUSTER') return parseCluster(url, socketType);
  if (url.includes(',')) {
    return { expected: 'one Redis, as its type is SINGLE: SENTINEL and CLUSTER take a list' };
  }
  return parseSingle(url, socketType);
}

/** A password, or `user:password`. */
export function parseRedisAuth(text: string): { username: string; password: Secret } {
  const colon = text.indexOf(':');
  if (colon < 0) return { username: '', password: new Secret(text) };
  return { username: text.slice(0, colon), password: new Secret(text.slice(colon + 1)) };
}

/** A place without credentials. */
export function placeAt(target: RedisTarget): RedisPlace {
  return { target, username: '', password: null, database: 0, isSecure: false };
}

function parseSentinels(url: string, socketType: SocketType): RedisPlaceResult {
  if (socketType === 'unix') return { expected: LIST_EXPECTED };
  const [primary = '', ...parts] = url.split(',').map((part) => part.trim());
  if (parts.length === 0) return { text: SENTINEL_TEXT };
  if (!/^[\w.-]{1,128}$/.test(primary)) {
    return { text: `${SENTINEL_TEXT}; a name is of letters, digits and ._-` };
  }
  if (parts.length > SENTINELS_MAX) return { expected: `at most ${SENTINELS_MAX} sentinels` };
  const sentinels: Address[] = [];
  for (const [index, part] of parts.entries()) {
    const address = reachable(part);
    if (address === null)
      return { text: `${SENTINEL_TEXT}; sentinel ${index + 1} is no host:port` };
    sentinels.push(address);
  }
  const target = { kind: 'sentinel', primary, sentinels, username: '', password: null } as const;
  return { place: placeAt(target), isTcpAssumed: false };
}

function parseCluster(url: string, socketType: SocketType): RedisPlaceResult {
  if (socketType === 'unix') return { expected: LIST_EXPECTED };
  const parts = url.split(',').map((part) => part.trim());
  if (parts.length > NODES_MAX) return { expected: `at most ${NODES_MAX} nodes of the cluster` };
  const places = parts.map((part) => parseSingle(part, 'tcp'));
  const nodes: Address[] = [];
  let first: RedisPlace | null = null;
  for (const [index, result] of places.entries()) {
    if (!('place' in result) || result.place.target.kind !== 'tcp') {
      return { expected: `host:port of nodes with commas between them; node ${index + 1} is not` };
    }
    const { target, database } = result.place;
    if (database !== 0) return { expected: 'without a database number: a cluster has only one' };
    nodes.push({ host: target.host, port: target.port });
    first ??= result.place;
  }
  return {
    place: {
      ...(first ?? placeAt({ kind: 'cluster', nodes })),
      target: { kind: 'cluster', nodes },
    },
    isTcpAssumed: false,
  };
}

function parseSingle(url: string, socketType: SocketType): RedisPlaceResult {
  if (/^rediss?:\/\//i.test(url)) return fromScheme(url, socketType);
  if (url.startsWith('/')) {
    if (socketType === 'tcp') return { expected: 'host:port, as its socket type is tcp' };
    return { place: placeAt({ kind: 'unix', path: url }), isTcpAssumed: false };
  }
  const address = reachable(url);
  if (address === null) return { expected: SINGLE_EXPECTED };
  if (socketType === 'unix') return { expected: 'a path, as its socket type is unix' };
  const { host, port } = address;
  return { place: placeAt({ kind: 'tcp', host, port }), isTcpAssumed: socketType === null };
}

function reachable(text: string): Address | null {
  const address = splitHostPort(text);
  return address === null || address.host === '' || address.port === 0 ? null : address;
}

function fromScheme(url: string, socketType: SocketType): RedisPlaceResult {
  if (socketType === 'unix') return { expected: 'a path, as its socket type is unix' };
  const parsed = URL.parse(url);
  const database = /^\/?(\d{0,5})$/.exec(parsed?.pathname ?? '/x');
  if (parsed === null || parsed.hostname === '' || parsed.port === '0' || database === null) {
    return { expected: SINGLE_EXPECTED };
  }
  if (parsed.search !== '' || parsed.hash !== '') return { expected: SINGLE_EXPECTED };
  const username = unescaped(parsed.username);
  const password = unescaped(parsed.password);
  if (username === null || password === null) return { expected: SINGLE_EXPECTED };
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  return {
    place: {
      target: { kind: 'tcp', host, port },
      username,
      password: password === '' ? null : new Secret(password),
      database: Number(database[1]),
      isSecure: parsed.protocol === 'rediss:',
    },
    isTcpAssumed: false,
  };
}

function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
