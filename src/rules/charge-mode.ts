/**
 * `charge` at the root of a limits file: whether the charges of one request are made each by itself (`all`,
 * the default) or whole or not at all (`all_or_nothing`). It holds for the domain: files of one domain
 * that are merged must not say different things. A key of Weir's own: the reference refuses a file that
 * has it.
 */
import type { DescriptorConfig } from '../core/rules/limits-file.ts';
import type { ParsedLimits } from './parsed-limits.ts';
import type { TreeMap, TreeValue } from './tree.ts';

const CHARGE_MODES = ['all', 'all_or_nothing'] as const;
export type ChargeMode = (typeof CHARGE_MODES)[number];

/** What the root says, in any case as units are; null when it says nothing, or nothing that counts. */
export function chargeModeOf(root: TreeMap): ChargeMode | null {
  const value: TreeValue | undefined = root['charge'];
  if (typeof value !== 'string') return null;
  const name = value.toLowerCase();
  return CHARGE_MODES.find((mode) => mode === name) ?? null;
}

/** True when one of a domain's files asks for it. */
export function chargesWhole(files: readonly ParsedLimits[]): boolean {
  return files.some(({ charge }) => charge?.mode === 'all_or_nothing');
}

/** Descriptors of a domain that is charged whole say so, each of them: they travel in slices. */
export function stampWhole(descriptors: readonly DescriptorConfig[]): readonly DescriptorConfig[] {
  return descriptors.map((descriptor) => ({ ...descriptor, chargesWhole: true }));
}

/**
 * Stands for the files of a domain that list no descriptors, where overrides are still charged: a
 * request can reach it, but it holds no limit.
 */
export const ROOT_ALONE: DescriptorConfig = {
  depth: 0,
  key: '',
  value: '',
  limit: null,
  shadowMode: false,
  quotaMode: false,
  detailedMetric: false,
  valueToMetric: false,
  shareThreshold: false,
  metadata: null,
};
