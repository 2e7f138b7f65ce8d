/**
 * Bins: a counter's key is hashed into one of a fixed number, and all keys of a bin carry its hash
 * tag. So counters spread over the slots, and yet those of a bin can go in one call. The number of
 * bins is part of where counters are: replicas with different numbers would count apart.
 */
import type { Charge } from '../../../limiter/counter-store.ts';
import type { CallRoute } from '../call-route.ts';
import { KEY_CHARACTERS_MAX } from '../counter-key.ts';
import { hashTag, slotOf } from './slots.ts';

/** Many for each node, so that none has a much larger share, few for each call. */
export const BINS_DEFAULT = 256;
export const BINS_MAX = 16_384;

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Bins {
  readonly count: number;
  /** By bin: as usual, and to a node that the bin's slot is being moved to. */
  readonly routes: readonly CallRoute[];
  readonly askingRoutes: readonly CallRoute[];
  /** By bin. */
  readonly slots: readonly number[];

  /** Throws a RangeError when the tags would not be what the slot goes by. */
  constructor(count: number, keyPrefix: string) {
    if (!Number.isSafeInteger(count) || count < 1 || count > BINS_MAX) {
      throw new RangeError(`bins must be a whole number from 1 to ${BINS_MAX}, not ${count}`);
    }
    const tags = Array.from({ length: count }, (_, bin) => `{b${bin}}`);
    if (tags.some((tag) => hashTag(keyPrefix + tag) !== hashTag(tag))) {
      throw new RangeError('the prefix of keys in a cluster must not hold a {');
    }
    this.count = count;
    const route = { isAsking: false, isSequenced: true };
    this.routes = tags.map((tag, bin) => ({ ...route, bin, tag }));
    this.askingRoutes = this.routes.map((its) => ({ ...its, isAsking: true }));
    this.slots = tags.map((tag) => slotOf(keyPrefix + tag));
  }

  /** FNV-1a of the key's UTF-16 units; long keys are told apart well enough by their beginning. */
  readonly binOf = ({ key }: Charge): number => {
    const length = Math.min(key.length, KEY_CHARACTERS_MAX);
    let hash = FNV_BASIS;
    for (let at = 0; at < length; at += 1) {
      hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
    }
    // The low bits of a product know nothing of the high ones.
    return ((hash ^ (hash >>> 15)) >>> 0) % this.count;
  };

  /** For the keys of one counter, on their own. */
  routeAlone(bin: number, isAsking: boolean): CallRoute {
    return { ...(this.routes[bin] as CallRoute), isAsking, isSequenced: false };
  }
}
