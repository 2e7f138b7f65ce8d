/**
 * The checked tree ─▶ the pre-order list of descriptors that is compiled, and the problems that are about
 * rules rather than text. Checks are made in the reference's order within a descriptor, and all of them:
 * key, duplicates, unit, replaces, share_threshold, children.
 */
import type { DescriptorConfig, JsonObject, LimitConfig } from '../core/rules/limits-file.ts';
import { compositeKey } from '../core/rules/rule-node.ts';
import { isUnit, unitFromName } from '../core/rules/unit.ts';
import { isWildcard } from '../core/rules/wildcard.ts';
import type { ProblemList } from './problem-list.ts';
import { isLeasedAt, isOneCounter, manyLeasedText } from './quota-kind.ts';
import { failureModeFrom, type StoreFailure, storeFailureAt, UNSAID } from './store-failure.ts';
import type { TreeMap, TreeValue } from './tree.ts';
import type { Places } from './tree-places.ts';
import { isTreeMap } from './tree-reader.ts';

export const UNIT_CHOICES = 'second, minute, hour, day, week, month or year';

/** Where a descriptor stands. */
interface Spot {
  readonly parentKey: string;
  readonly depth: number;
  /** Composite keys of its list so far. */
  readonly seen: Set<string>;
  readonly above: StoreFailure;
  /** The nearest descriptor above with a counter for each value; '' when there is none. */
  readonly manyAt: string;
}

const TOP = { parentKey: '', depth: 0, above: UNSAID, manyAt: '' };

export class DescriptorReader {
  /** What was read so far, in pre-order. */
  readonly descriptors: DescriptorConfig[] = [];
  /** Index in the file's own `descriptors:` of each descriptor of depth 0 that was read. */
  readonly topIndexes: number[] = [];
  /** Indexes of those that have an `on_store_failure` of their own. */
  readonly ownModes: number[] = [];
  readonly #places: Places;
  readonly #problems: ProblemList;
  readonly #path: (string | number)[] = [];
  /** Composite keys of depth 0: the list may come in pieces. */
  readonly #topSeen = new Set<string>();

  constructor(places: Places, problems: ProblemList) {
    this.#places = places;
    this.#problems = problems;
  }

  /** Reads `descriptors:` of the file; `parentKey` is its domain and a dot. */
  readList(list: TreeValue | undefined, parentKey: string): void {
    if (Array.isArray(list)) this.#readList(list, { ...TOP, parentKey, seen: this.#topSeen });
  }

  #readList(list: readonly TreeValue[], spot: Spot): void {
    this.#path.push('descriptors');
    for (const [index, item] of list.entries()) {
      if (!isTreeMap(item)) continue;
      if (spot.depth === 0) this.topIndexes.push(index);
      this.#path.push(index);
      this.#readOne(item, spot);
      this.#path.pop();
    }
    this.#path.pop();
  }

  /**
   * To be called when all descriptors are read: gives them what the root says and they do not. Last,
   * because in a file that is read in pieces the root's keys may come after its descriptors.
   */
  inheritFrom(root: TreeMap): void {
    const above = storeFailureAt(root, UNSAID);
    if (above === UNSAID) return;
    for (const [index, descriptor] of this.descriptors.entries()) {
      this.descriptors[index] = { ...above, ...descriptor };
    }
  }

  #readOne(item: TreeMap, at: Spot): void {
    const spec = { key: textOf(item['key']), value: textOf(item['value']) };
    const composite = compositeKey(spec);
    if (spec.key === '') this.#error('key', 'descriptor has empty key');
    else if (at.seen.has(composite)) this.#duplicate(at.parentKey + composite);
    at.seen.add(composite);
    const shareThreshold = item['share_threshold'] === true;
    const manyAt = isOneCounter(composite, spec.value, shareThreshold) ? at.manyAt : composite;
    const limit = this.#readLimit(item['rate_limit'], manyAt);
    if (shareThreshold && !isWildcard(composite)) this.#shareWithoutWildcard(composite);
    const storeFailure = storeFailureAt(item, at.above);
    if (failureModeFrom(item['on_store_failure']) !== undefined) {
      this.ownModes.push(this.descriptors.length);
    }
    const descriptor: DescriptorConfig = {
      depth: at.depth,
      ...spec,
      limit,
      shadowMode: item['shadow_mode'] === true,
      quotaMode: item['quota_mode'] === true,
      detailedMetric: item['detailed_metric'] === true,
      valueToMetric: item['value_to_metric'] === true,
      shareThreshold,
      metadata: this.#readMetadata(item['metadata']),
    };
    this.descriptors.push(
      storeFailure === UNSAID ? descriptor : { ...descriptor, ...storeFailure },
    );
    const { descriptors: below } = item;
    if (!Array.isArray(below)) return;
    this.#readList(below, {
      parentKey: `${at.parentKey}${composite}.`,
      depth: at.depth + 1,
      seen: new Set(),
      above: storeFailure,
      manyAt,
    });
  }

  #readLimit(tree: TreeValue | undefined, manyAt: string): LimitConfig | null {
    if (!isTreeMap(tree)) return null;
    this.#path.push('rate_limit');
    const unlimited = tree['unlimited'] === true;
    const unitName = textOf(tree['unit']);
    const unit = unitFromName(unitName);
    this.#checkUnit(unitName, isUnit(unit), unlimited);
    const { requests_per_unit: requests } = tree;
    if (!unlimited && (requests === undefined || requests === null)) {
      this.#warn(
        'requests_per_unit',
        'requests_per_unit is missing: 0, so every request is over the limit',
      );
    }
    const limit: LimitConfig = {
      requestsPerUnit: typeof requests === 'number' ? requests : 0,
      unit,
      unlimited,
      name: textOf(tree['name']),
      replaces: this.#readReplaces(tree),
    };
    const isLeased = isLeasedAt(tree);
    if (isLeased) this.#checkLeased(unlimited, manyAt);
    this.#path.pop();
    return isLeased ? { ...limit, isLeased } : limit;
  }

  #checkLeased(unlimited: boolean, manyAt: string): void {
    if (unlimited) this.#error('quota', 'should not specify quota when unlimited');
    else if (manyAt !== '') this.#warn('quota', manyLeasedText(manyAt));
  }

  #checkUnit(name: string, isKnown: boolean, unlimited: boolean): void {
    if (unlimited && isKnown) {
      this.#error('unit', 'should not specify rate limit unit when unlimited');
    } else if (unlimited && name !== '') {
      this.#warn('unit', `unit '${name}' is not used when unlimited`);
    } else if (!unlimited && !isKnown) {
      const reference = `invalid rate limit unit '${name}'`;
      this.#error('unit', `${reference}: must be ${UNIT_CHOICES}`, reference);
    }
  }

  #readReplaces(limit: TreeMap): string[] {
    const { replaces, name } = limit;
    if (!Array.isArray(replaces)) return [];
    const own = textOf(name);
    const names: string[] = [];
    this.#path.push('replaces');
    for (const [index, item] of replaces.entries()) {
      if (!isTreeMap(item)) continue;
      const replaced = textOf(item['name']);
      this.#path.push(index);
      if (replaced === '') this.#error('name', 'should not have an empty replaces entry');
      else if (replaced === own) {
        this.#error('name', 'replaces should not contain name of same descriptor');
      }
      this.#path.pop();
      names.push(replaced);
    }
    this.#path.pop();
    return names;
  }

  #readMetadata(value: TreeValue | undefined): JsonObject | null {
    return isTreeMap(value) ? value : null;
  }

  #duplicate(composite: string): void {
    this.#error('', `duplicate descriptor composite key '${composite}'`);
  }

  #shareWithoutWildcard(composite: string): void {
    this.#error(
      'share_threshold',
      `share_threshold can only be used with wildcard values (containing '*'), but found key '${composite}'`,
    );
  }

  /** `field` of the node being read; '' for the node itself. */
  #error(field: string, message: string, reference = message): void {
    const path = field === '' ? [...this.#path] : [...this.#path, field];
    if (this.#problems.hasErrorAt(path)) return;
    const offset = this.#places.offsetOf(path);
    this.#problems.error({ offset, path, message, reference }, 'rules');
  }

  #warn(field: string, message: string): void {
    const path = field === '' ? [...this.#path] : [...this.#path, field];
    if (this.#problems.hasErrorAt(path)) return;
    this.#problems.warn({ offset: this.#places.offsetOf(path), path, message });
  }
}

function textOf(value: TreeValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
