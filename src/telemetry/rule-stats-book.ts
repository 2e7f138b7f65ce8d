/**
 * Every rule's counts, by domain and stats path. The counts themselves are plain objects that the
 * request path increments in place; this book only finds them (two Map look-ups for overrides and
 * detailed metrics, none for other rules, which hold theirs) and lists them for a scrape.
 *
 * Bounds: callers choose unknown domains, the values in detailed paths and the paths of overrides,
 * so domains, such paths per domain, all of them together and the length of a path have each their
 * maximum. Paths that limits files name are bounded by the files and never end in `other`. What is beyond shares the counts named `other`, and is counted as such. Nothing is ever
 * taken out: a counter that vanished and came back would look like a restart to Prometheus.
 */
import type { RuleStats } from '../core/counting/rule-stats.ts';
import { labelsOf, sanitizeStatName } from './stat-name.ts';

/** The shared domain and path. A real one of this name shares it too. */
export const OTHER = 'other';

/**
 * Longest path with counts of its own, in UTF-16 units: a request may carry megabytes of values.
 */
const PATH_LENGTH_MAX = 1024;

export interface SeriesBounds {
  /** METRICS_SERIES_PER_DOMAIN_MAX. */
  readonly seriesPerDomainMax: number;
  /** METRICS_DOMAINS_MAX: of known and of unknown domains, each. */
  readonly domainsMax: number;
  /** METRICS_SERIES_MAX: over all domains. The `other` paths come on top, one per domain. */
  readonly seriesMax: number;
}

/** Which bound a look-up met. */
export type OverflowCause = 'series_per_domain' | 'series' | 'domains' | 'path_length';

/** Counts that share one set of labels: paths that differ below the second level are summed. */
export interface LabelledStats {
  readonly labels: string;
  readonly members: RuleStats[];
}

/** Where counts belong. */
export interface StatsPath {
  readonly domain: string;
  readonly path: string;
  /** Callers chose a part of it: it is bounded. */
  readonly isCallers: boolean;
}

/** Counts by their sanitised dotted name, `<domain>.<path>`. */
export interface NamedStats {
  readonly name: string;
  readonly at: StatsPath;
  readonly stats: RuleStats;
}

export class RuleStatsBook {
  readonly #bounds: SeriesBounds;
  readonly #domains = new Map<string, Map<string, RuleStats>>();
  /** Paths that callers brought, by domain and in all: these are bounded. */
  readonly #callerPaths = new Map<string, number>();
  #callerSeries = 0;
  readonly #notFound = new Map<string, number>();
  readonly #byLabels = new Map<string, LabelledStats>();
  /** Append-only, so that a scrape in slices can walk them while new ones arrive. */
  readonly named: NamedStats[] = [];
  readonly labelled: LabelledStats[] = [];
  /** Look-ups that ended in `other`, by the bound that they met. */
  readonly overflows: Record<OverflowCause, number> = {
    series_per_domain: 0,
    series: 0,
    domains: 0,
    path_length: 0,
  };

  constructor(bounds: SeriesBounds) {
    this.#bounds = bounds;
  }

  /** Of a path that limits files name. Not bounded here: the files are. */
  ruleStats(domain: string, path: string): RuleStats {
    return this.#domains.get(domain)?.get(path) ?? this.#bind({ domain, path, isCallers: false });
  }

  /** Of a path that another process has counts of: the bounds hold for the union of all. */
  statsAt(at: StatsPath): RuleStats {
    const { domain, path, isCallers } = at;
    if (!isCallers) return this.ruleStats(domain, path);
    // What is `other` there met a bound there, and was counted as that.
    if (path === OTHER) return this.#domains.get(domain)?.get(path) ?? this.#bind(at);
    return this.callerStats(domain, path);
  }

  /** Of a path that callers choose a part of: beyond the bounds it is `other`. */
  callerStats(domain: string, path: string): RuleStats {
    return this.#domains.get(domain)?.get(path) ?? this.#firstStats(domain, path);
  }

  domainNotFound(domain: string, times = 1): void {
    const count = this.#notFound.get(domain);
    if (count !== undefined) {
      this.#notFound.set(domain, count + times);
      return;
    }
    const overflow = this.#domainOverflow(this.#notFound, domain);
    if (overflow !== null) this.overflows[overflow] += 1;
    const name = overflow === null ? domain : OTHER;
    this.#notFound.set(name, (this.#notFound.get(name) ?? 0) + times);
  }

  /** Unknown domains that were asked for, and how many descriptors asked. */
  notFound(): Iterable<readonly [domain: string, count: number]> {
    return this.#notFound;
  }

  #firstStats(domain: string, path: string): RuleStats {
    const overflow = this.#domainOverflow(this.#domains, domain);
    if (overflow !== null) return this.#otherStats(OTHER, overflow);
    if (path.length > PATH_LENGTH_MAX) return this.#otherStats(domain, 'path_length');
    if (this.#callerSeries >= this.#bounds.seriesMax) return this.#otherStats(domain, 'series');
    const count = this.#callerPaths.get(domain) ?? 0;
    if (count >= this.#bounds.seriesPerDomainMax) {
      return this.#otherStats(domain, 'series_per_domain');
    }
    this.#callerPaths.set(domain, count + 1);
    this.#callerSeries += 1;
    return this.#bind({ domain, path, isCallers: true });
  }

  #domainOverflow(domains: ReadonlyMap<string, unknown>, domain: string): OverflowCause | null {
    if (domains.has(domain)) return null;
    if (domain.length > PATH_LENGTH_MAX) return 'path_length';
    return domains.size >= this.#bounds.domainsMax ? 'domains' : null;
  }

  #otherStats(domain: string, cause: OverflowCause): RuleStats {
    this.overflows[cause] += 1;
    return (
      this.#domains.get(domain)?.get(OTHER) ?? this.#bind({ domain, path: OTHER, isCallers: true })
    );
  }

  #bind(at: StatsPath): RuleStats {
    const { domain, path } = at;
    const stats = zeroStats();
    const paths = this.#domains.get(domain);
    if (paths === undefined) this.#domains.set(domain, new Map([[path, stats]]));
    else paths.set(path, stats);
    const name = sanitizeStatName(`${domain}.${path}`);
    this.named.push({ name, at, stats });
    const labels = labelsOf(name);
    const group = this.#byLabels.get(labels);
    if (group !== undefined) {
      group.members.push(stats);
      return stats;
    }
    const first = { labels, members: [stats] };
    this.#byLabels.set(labels, first);
    this.labelled.push(first);
    return stats;
  }
}

/** A RuleStats with nothing counted. Rooms outside core take its types, not its classes. */
function zeroStats(): RuleStats {
  return {
    totalHits: 0,
    overLimit: 0,
    nearLimit: 0,
    withinLimit: 0,
    overLimitWithLocalCache: 0,
    shadowMode: 0,
    totalNegativeHits: 0,
  };
}
