/** A Redis that is no cluster, as whoever connects to it wants it: only what was named, secrets revealed. */
import type { RedisTarget } from './redis-target.ts';
import type { Address } from './row.ts';

export interface SentinelPlace {
  readonly primary: string;
  readonly sentinels: readonly Address[];
  readonly username?: string;
  readonly password?: string;
}

export function redisAddress(
  target: Exclude<RedisTarget, { kind: 'cluster' }>,
): Address | { readonly path: string } | SentinelPlace {
  switch (target.kind) {
    case 'tcp':
      return { host: target.host, port: target.port };
    case 'unix':
      return { path: target.path };
    case 'sentinel': {
      const { primary, sentinels, username, password } = target;
      return {
        primary,
        sentinels,
        ...(username === '' ? {} : { username }),
        ...(password === null ? {} : { password: password.reveal() }),
      };
    }
  }
}
