/**
 * Descriptors on their way from the loading thread to the main one. What a message holds is all alive while
 * it is received, and what is alive is what collections wait for; so a slice is two flat lists, from which
 * each descriptor is made when it is compiled, and strings and lists that many share are one. That takes a
 * quarter off what 100,000 rules cost the main thread. Descriptors with anything rare (a name, replaces,
 * metadata, …) travel as they are.
 */
import type { DescriptorConfig, LimitConfig } from '../core/rules/limits-file.ts';
import type { Unit } from '../core/rules/unit.ts';
import { FAILURE_MODES, type FailureMode } from '../core/verdict/failure-mode.ts';
import type { StoreFailure } from './store-failure.ts';

export interface DescriptorSlice {
  /** Key and value of each; null for a key that the one before has too. */
  readonly texts: readonly (string | null)[];
  /** Depth, flags (failure mode included), requests per unit and unit of each. */
  readonly numbers: Uint32Array;
  /** By index: those whose texts and numbers do not say all. */
  readonly rare: ReadonlyMap<number, DescriptorConfig>;
}

const TEXTS = 2;
const NUMBERS = 4;

const LIMITED = 1;
const UNLIMITED = 2;
const SHADOW = 4;
const QUOTA = 8;
const DETAILED = 16;
const VALUE_TO_METRIC = 32;
const SHARED = 64;
const CRITICAL = 128;
const NOT_CRITICAL = 256;
/** From here on, three bits: 1 + the index of the failure mode, 0 when there is none. */
const MODE_SHIFT = 9;
const WHOLE = 1 << 12;
/** Any of what few files say: the fields that are absent otherwise. */
const SELDOM_SAID = (7 << MODE_SHIFT) | CRITICAL | NOT_CRITICAL | WHOLE;

const NONE: readonly string[] = [];

export function encodeSlice(descriptors: readonly DescriptorConfig[]): DescriptorSlice {
  const texts: (string | null)[] = [];
  const numbers = new Uint32Array(descriptors.length * NUMBERS);
  const rare = new Map<number, DescriptorConfig>();
  let keyBefore: string | null = null;
  for (const [index, descriptor] of descriptors.entries()) {
    const { depth, key, value, limit } = descriptor;
    texts.push(key === keyBefore ? null : key, value);
    keyBefore = key;
    numbers.set(
      [depth, flagsOf(descriptor), limit?.requestsPerUnit ?? 0, limit?.unit ?? 0],
      index * NUMBERS,
    );
    if (isRare(descriptor)) rare.set(index, descriptor);
  }
  return { texts, numbers, rare };
}

/** The descriptors that `encodeSlice` was given, each made when it is its turn. */
export function* decodeSlice({
  texts,
  numbers,
  rare,
}: DescriptorSlice): Iterable<DescriptorConfig> {
  let key = '';
  for (let index = 0; index * TEXTS < texts.length; index++) {
    key = texts[index * TEXTS] ?? key;
    const at = index * NUMBERS;
    const flags = numbers[at + 1] as number;
    const whole = rare.size === 0 ? undefined : rare.get(index);
    const descriptor = whole ?? {
      depth: numbers[at] as number,
      key,
      value: texts[index * TEXTS + 1] as string,
      limit: (flags & LIMITED) === 0 ? null : limitOf(numbers, at),
      shadowMode: (flags & SHADOW) !== 0,
      quotaMode: (flags & QUOTA) !== 0,
      detailedMetric: (flags & DETAILED) !== 0,
      valueToMetric: (flags & VALUE_TO_METRIC) !== 0,
      shareThreshold: (flags & SHARED) !== 0,
      metadata: null,
    };
    yield (flags & SELDOM_SAID) === 0 || whole !== undefined
      ? descriptor
      : { ...descriptor, ...seldomSaid(flags) };
  }
}

function seldomSaid(flags: number): StoreFailure & Pick<DescriptorConfig, 'chargesWhole'> {
  const mode = FAILURE_MODES[((flags >> MODE_SHIFT) & 7) - 1];
  const isSaid = (flags & (CRITICAL | NOT_CRITICAL)) !== 0;
  return {
    ...(mode === undefined ? {} : { failureMode: mode }),
    ...(isSaid ? { isCritical: (flags & CRITICAL) !== 0 } : {}),
    ...((flags & WHOLE) === 0 ? {} : { chargesWhole: true }),
  };
}

function limitOf(numbers: Uint32Array, at: number): LimitConfig {
  return {
    requestsPerUnit: numbers[at + 2] as number,
    unit: numbers[at + 3] as Unit,
    unlimited: ((numbers[at + 1] as number) & UNLIMITED) !== 0,
    name: '',
    replaces: NONE,
  };
}

function flagsOf(descriptor: DescriptorConfig): number {
  const { limit } = descriptor;
  return (
    (limit === null ? 0 : LIMITED) |
    (limit?.unlimited === true ? UNLIMITED : 0) |
    (descriptor.shadowMode ? SHADOW : 0) |
    (descriptor.quotaMode ? QUOTA : 0) |
    (descriptor.detailedMetric ? DETAILED : 0) |
    (descriptor.valueToMetric ? VALUE_TO_METRIC : 0) |
    (descriptor.shareThreshold ? SHARED : 0) |
    (descriptor.isCritical === true ? CRITICAL : 0) |
    (descriptor.isCritical === false ? NOT_CRITICAL : 0) |
    (descriptor.chargesWhole === true ? WHOLE : 0) |
    modeBits(descriptor.failureMode)
  );
}

function modeBits(mode: FailureMode | undefined): number {
  return mode === undefined ? 0 : (FAILURE_MODES.indexOf(mode) + 1) << MODE_SHIFT;
}

/** Counts fields, so that one that is added to the types later travels without a change here. */
const PLAIN_FIELDS = 10;
const PLAIN_LIMIT_FIELDS = 5;

function isRare(descriptor: DescriptorConfig): boolean {
  const { limit, metadata, failureMode, isCritical, chargesWhole } = descriptor;
  const fields =
    PLAIN_FIELDS +
    (failureMode === undefined ? 0 : 1) +
    (isCritical === undefined ? 0 : 1) +
    (chargesWhole === undefined ? 0 : 1);
  if (metadata !== null || Object.keys(descriptor).length !== fields) return true;
  if (limit === null) return false;
  const isPlain = limit.name === '' && limit.replaces.length === 0;
  return !isPlain || Object.keys(limit).length !== PLAIN_LIMIT_FIELDS;
}
