/** What the text of one limits file came to. */
import type { DomainConfig } from '../core/rules/limits-file.ts';
import type { ChargeMode } from './charge-mode.ts';
import type { Problem } from './problem.ts';

export interface Place {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export interface ParsedLimits {
  readonly file: string;
  /** In the reference's order: text, keys, types, rules. */
  readonly problems: readonly Problem[];
  /** The domain the file names, also when it has errors; null when it could not be read. */
  readonly domain: string | null;
  /** Null when there are errors. */
  readonly config: DomainConfig | null;
  readonly domainPlace: Place;
  /** Where each descriptor of depth 0 stands, in order: for duplicates across files. */
  readonly topPlaces: readonly Place[];
  /** Indexes, ascending, of the descriptors that have an `on_store_failure` of their own. */
  readonly ownModes: readonly number[];
  /** `charge` of the root, and where its value stands; null when it says nothing. */
  readonly charge: { readonly mode: ChargeMode; readonly place: Place } | null;
}
