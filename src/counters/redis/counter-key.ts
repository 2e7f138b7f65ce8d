/**
 * Counter keys as Redis gets them with the exact format. Values of entries may be whole tokens, and
 * a caller chooses them: a key beyond the bound is cut there, and the SHA-256 of the whole follows,
 * so that a counter costs Redis, the connection and the script no more than that.
 *
 * Still unambiguous: keys sent as they are have at most KEY_CHARACTERS_MAX UTF-16 units, shortened
 * ones always more, and of those the hash tells one from another. The prefix of all keys stays in
 * front. Keys of the reference's format are never shortened: both services must meet in one key.
 */
import { hash } from 'node:crypto';
import { UNIT_SECONDS } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import type { ChargeGroup } from '../../limiter/counter-store.ts';
import { requestKey } from '../groups.ts';
import type { CommandWriter } from './command-writer.ts';

/** How keys are written, and by whose clock they expire. */
export type KeyPlan =
  | {
      readonly format: 'exact';
      /** What all keys begin with. */
      readonly prefix: string;
      /** Follows the prefix: the hash tag of the bin in a cluster, else ''. */
      readonly tag: string;
    }
  | {
      readonly format: 'reference';
      readonly prefix: string;
      readonly now: WallMs;
      readonly jitterSeconds: number;
    };

/** What a store is told of its keys. */
export interface KeyOptions {
  readonly keyFormat: KeyPlan['format'];
  readonly keyPrefix: string;
  readonly expirationJitterMaxSeconds: number;
  readonly now: () => WallMs;
  readonly random: () => number;
}

/** Of one call. */
export function keyPlanOf({ tag }: { readonly tag: string }, options: KeyOptions): KeyPlan {
  const { keyFormat, keyPrefix, expirationJitterMaxSeconds, now, random } = options;
  if (keyFormat === 'exact') return { format: 'exact', prefix: keyPrefix, tag };
  const jitterSeconds = Math.floor(random() * expirationJitterMaxSeconds);
  return { format: 'reference', prefix: keyPrefix, now: now(), jitterSeconds };
}

/** In UTF-16 units. Descriptors of names, paths and addresses are far below it. */
export const KEY_CHARACTERS_MAX = 1024;

/** The key itself, or its first KEY_CHARACTERS_MAX units, `#sha256:` and 64 hex digits. */
export function boundedKey(key: string): string {
  if (key.length <= KEY_CHARACTERS_MAX) return key;
  // The cut may fall into a surrogate pair: a U+FFFD is sent for that half, the hash has it whole.
  return `${key.slice(0, KEY_CHARACTERS_MAX)}#sha256:${hash('sha256', key)}`;
}

/** A key in two pieces, of which the first may be empty. */
export interface KeyParts {
  readonly scope: string;
  readonly rest: string;
}

/** Writes a counter's key as the server gets it. */
export function writeKey(
  to: CommandWriter,
  { scope, rest }: KeyParts,
  unit: number,
  plan: KeyPlan,
): void {
  if (plan.format === 'reference') {
    const seconds = UNIT_SECONDS[unit] as number;
    to.text(scope + rest, String(Math.floor(plan.now / 1000 / seconds) * seconds));
  } else if (plan.tag === '') to.text(scope, rest);
  else to.text(plan.prefix + plan.tag, (scope + rest).slice(plan.prefix.length));
}

/** Where the readings of a request with an id are kept: of one length, whatever callers choose. */
export function sentRequestKey(group: ChargeGroup, plan: KeyPlan): string {
  return `${front(plan)}weir:request:${hash('sha256', requestKey(group))}`;
}

/** Where the last calls of one client are kept; `client` is 128 random bits in hex. */
export function sequenceKey(client: string, plan: KeyPlan): string {
  return `${front(plan)}weir:sequence:${client}`;
}

function front(plan: KeyPlan): string {
  return plan.format === 'exact' ? plan.prefix + plan.tag : plan.prefix;
}
