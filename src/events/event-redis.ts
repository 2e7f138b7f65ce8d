/** How the Redis of the counters is connected to for its events: one place for service and command. */
import { slotOf } from '../counters/redis/cluster/slots.ts';
import type { RedisAddress, RedisStoreOptions } from '../counters/redis/redis-options.ts';
import { redisAddress } from '../settings/redis-address.ts';
import type { EventSettings, RedisSettings, Settings } from '../settings/settings.ts';
import { type EventKeys, eventKeys } from './event-keys.ts';

export interface EventPlace {
  readonly redis: Pick<
    RedisStoreOptions,
    'address' | 'tls' | 'username' | 'password' | 'db' | 'keyFormat'
  >;
  readonly keys: EventKeys;
}

export function eventPlace(
  redis: RedisSettings,
  { stream }: EventSettings,
  { clusterId }: Settings['quota'],
): EventPlace {
  const { target, tls, username, password, database } = redis;
  const keys = eventKeys(stream, clusterId, target.kind === 'cluster');
  const address: RedisAddress =
    target.kind === 'cluster'
      ? { seeds: target.nodes, slot: slotOf(keys.streams.audit) }
      : redisAddress(target);
  return {
    keys,
    redis: {
      address,
      tls,
      ...(username === '' ? {} : { username }),
      ...(password === null ? {} : { password: password.reveal() }),
      db: database,
      // Of counters only.
      keyFormat: 'exact',
    },
  };
}
