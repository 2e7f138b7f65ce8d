/** Which search an address needs. */
import { SlotOwnerSource } from './cluster/slot-owner-source.ts';
import { FixedPrimary, type PrimarySource } from './primary-source.ts';
import type { CompleteRedisOptions } from './redis-options.ts';
import { SentinelSource } from './sentinel-source.ts';

type SearchOptions = Pick<
  CompleteRedisOptions,
  'address' | 'username' | 'password' | 'tls' | 'monotonic'
>;

export function primarySourceOf(options: SearchOptions): PrimarySource {
  const { address, username, password, tls, monotonic } = options;
  const server = { username, password, tls };
  if ('sentinels' in address) return new SentinelSource({ address, server, monotonic });
  if ('slot' in address) return new SlotOwnerSource({ address, server, monotonic });
  return new FixedPrimary(address);
}
