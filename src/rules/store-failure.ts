/**
 * What a limits file says about a store that cannot answer: `on_store_failure` and `critical`, each at
 * the root of the file or at a descriptor, and inherited by what stands below, value by value. Keys of
 * Weir's own: the reference refuses a file that has them.
 */
import { FAILURE_MODES, type FailureMode } from '../core/verdict/failure-mode.ts';
import type { TreeMap, TreeValue } from './tree.ts';

/** As in a DescriptorConfig: a field is absent where neither the place nor one above it says anything. */
export interface StoreFailure {
  readonly failureMode?: FailureMode;
  readonly isCritical?: boolean;
}

/** One object for all places that say nothing, so that this is cheap to see. */
export const UNSAID: StoreFailure = Object.freeze({});

/** What holds at `map`, of which `above` is the nearest place above; `above` itself when it adds nothing. */
export function storeFailureAt(map: TreeMap, above: StoreFailure): StoreFailure {
  const failureMode = failureModeFrom(map['on_store_failure']);
  const { critical } = map;
  if (failureMode === undefined && typeof critical !== 'boolean') return above;
  return {
    ...above,
    ...(failureMode === undefined ? {} : { failureMode }),
    ...(typeof critical === 'boolean' ? { isCritical: critical } : {}),
  };
}

/** The mode that a file names, in any case, as units are; undefined for anything else. */
export function failureModeFrom(value: TreeValue | undefined): FailureMode | undefined {
  if (typeof value !== 'string') return undefined;
  const name = value.toLowerCase();
  return FAILURE_MODES.find((mode) => mode === name);
}
