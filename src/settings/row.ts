/**
 * A row of the settings table: everything there is to know about one environment variable. Reading,
 * checking, the page docs/settings.md and the notes at start are all made from the rows.
 */

export type RowType =
  | 'string'
  | 'path'
  | 'bool'
  | 'int'
  | 'float'
  | 'duration'
  | 'enum'
  | 'address'
  | 'header-name';

/**
 * - `built`: does what its text says.
 * - `warned`: accepted, changes no answer here; set to anything but its default it makes a note at
 *   start.
 * - `refused`: would change answers or safety if it were ignored and is not built yet; set to
 *   anything but its default it stops the start.
 */
export type RowStatus = 'built' | 'warned' | 'refused';

export type RowGroup =
  | 'Server'
  | 'Limits files'
  | 'Counting and answers'
  | 'Redis'
  | 'Second Redis'
  | 'Breakers'
  | 'Global quotas'
  | 'Events'
  | 'Metrics and logs'
  | 'Bounds'
  | 'xDS'
  | 'Memcached'
  | 'Tracing';

export interface Row {
  readonly name: string;
  readonly group: RowGroup;
  readonly type: RowType;
  /** As one would set it; '' is unset. */
  readonly default: string;
  /** Meaning, in one or two sentences. */
  readonly doc: string;
  readonly status: RowStatus;
  /** `reference`: a variable of envoyproxy/ratelimit. `weir`: our own. */
  readonly origin: 'reference' | 'weir';
  /** What a number counts; durations are always written with their unit. */
  readonly unit?: string;
  /** Lowest and highest value of int and float; of a duration, in milliseconds. Both included. */
  readonly min?: number;
  readonly max?: number;
  /** Values of an enum, in the spelling they are returned in; any case is accepted. */
  readonly values?: readonly string[];
  /** A word that an int may be in place of a number. */
  readonly word?: string;
  /** Values of an enum that the reference has and that are not built: value to advice. */
  readonly refusedValues?: Readonly<Record<string, string>>;
  /** Replaces the usual text for a value outside the enum; `{value}` stands for it. */
  readonly unknownText?: string;
  /** Why it is warned about or refused, and what to do. Required unless `built`. */
  readonly because?: string;
  /** The value, or a part of it, must never be shown. */
  readonly secret?: true;
}

/** A place to listen on. An empty host means every interface. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the text of a row's variable is parsed to. */
export type ValueOf<R> = R extends { readonly type: 'bool' }
  ? boolean
  : R extends { readonly type: 'int'; readonly word: infer W }
    ? number | W
    : R extends { readonly type: 'int' | 'float' | 'duration' }
      ? number
      : R extends { readonly type: 'address' }
        ? Address
        : R extends { readonly type: 'enum'; readonly values: readonly (infer V)[] }
          ? V
          : string;
