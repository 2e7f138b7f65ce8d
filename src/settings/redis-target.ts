/**
 * REDIS_URL in the forms users of the reference have: `host:port`, a `redis://` URL, or the path of
 * a unix socket. REDIS_SOCKET_TYPE says which, but its default (unix) is so often left in place
 * that an URL which is no path is taken as tcp, with a note.
 */
import { splitHostPort } from './parse-value.ts';
import { Secret } from './secret.ts';

export type RedisTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface RedisPlace {
  readonly target: RedisTarget;
  /** '' when none is named. */
  readonly username: string;
  readonly password: Secret | null;
  /** Number of the database, 0 unless the URL names one. */
  readonly database: number;
}

export type RedisPlaceResult =
  | { readonly place: RedisPlace; readonly note: string | null }
  | { readonly expected: string };

const DEFAULT_PORT = 6379;
const TCP_NOTE = 'REDIS_SOCKET_TYPE is unset: REDIS_URL is no path, so tcp is used';
const EXPECTED =
  'host:port, redis://[user:password@]host[:port][/database], or the path of a unix socket';

/** `socketType` is null when REDIS_SOCKET_TYPE is unset. */
export function parseRedisUrl(url: string, socketType: 'unix' | 'tcp' | null): RedisPlaceResult {
  if (url.includes(',')) {
    return { expected: 'one Redis, not a list: Sentinel and Cluster are not built yet' };
  }
  if (/^rediss:\/\//i.test(url)) {
    return { expected: `${EXPECTED}; TLS (rediss://) is not built yet` };
  }
  if (/^redis:\/\//i.test(url)) return fromRedisScheme(url, socketType);
  if (url.startsWith('/')) {
    if (socketType === 'tcp') return { expected: 'host:port, as REDIS_SOCKET_TYPE is tcp' };
    return { place: placeAt({ kind: 'unix', path: url }), note: null };
  }
  const address = splitHostPort(url);
  if (address === null || address.host === '' || address.port === 0) return { expected: EXPECTED };
  if (socketType === 'unix') return { expected: 'a path, as REDIS_SOCKET_TYPE is unix' };
  return {
    place: placeAt({ kind: 'tcp', host: address.host, port: address.port }),
    note: socketType === 'tcp' ? null : TCP_NOTE,
  };
}

/** REDIS_AUTH: a password, or `user:password`. */
export function parseRedisAuth(text: string): { username: string; password: Secret } {
  const colon = text.indexOf(':');
  if (colon < 0) return { username: '', password: new Secret(text) };
  return { username: text.slice(0, colon), password: new Secret(text.slice(colon + 1)) };
}

function placeAt(target: RedisTarget): RedisPlace {
  return { target, username: '', password: null, database: 0 };
}

function fromRedisScheme(url: string, socketType: 'unix' | 'tcp' | null): RedisPlaceResult {
  if (socketType === 'unix') return { expected: 'a path, as REDIS_SOCKET_TYPE is unix' };
  const parsed = URL.parse(url);
  const database = /^\/?(\d{0,5})$/.exec(parsed?.pathname ?? '/x');
  if (parsed === null || parsed.hostname === '' || parsed.port === '0' || database === null) {
    return { expected: EXPECTED };
  }
  if (parsed.search !== '' || parsed.hash !== '') return { expected: EXPECTED };
  const username = unescaped(parsed.username);
  const password = unescaped(parsed.password);
  if (username === null || password === null) return { expected: EXPECTED };
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  return {
    place: {
      target: { kind: 'tcp', host, port },
      username,
      password: password === '' ? null : new Secret(password),
      database: Number(database[1]),
    },
    note: null,
  };
}

function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
