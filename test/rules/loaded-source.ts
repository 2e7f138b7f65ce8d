/** A FileRuleSource whose loads a test can wait for. */
import { onTestFinished } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { exactKeyFormat } from '../../src/core/rules/key-format.ts';
import { HITS_UNSET } from '../../src/core/rules/request.ts';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { Check } from '../../src/core/verdict/check.ts';
import { FileRuleSource, type LoadStats } from '../../src/rules/file-rule-source.ts';
import { formatProblem } from '../../src/rules/problem.ts';

/** What one load told its listener. */
export interface Load {
  set: RuleSet | null;
  stats: LoadStats | null;
  /** As printed, without the directory. */
  errors: readonly string[];
  kept: readonly string[];
}

export interface LoadedSource {
  readonly source: FileRuleSource;
  /** What the first load told. */
  readonly first: Load;
  /** Waits until loads have told something for which `isIt` holds. */
  until(isIt: (load: Load) => boolean): Promise<Load>;
  /** Everything told so far, one entry per call of the listener. */
  readonly told: readonly string[];
}

export interface SourceOptions {
  readonly merge?: boolean;
  readonly ignoreDotFiles?: boolean;
  readonly watchRoot?: string;
  readonly bindStats?: () => RuleStats;
  readonly delayedMs?: number;
}

export async function loadedSource(
  path: string,
  options: SourceOptions = {},
): Promise<LoadedSource> {
  let load: Load = { set: null, stats: null, errors: [], kept: [] };
  const told: string[] = [];
  const waiting = new Set<() => void>();
  const tell = (name: string, change: Partial<Load>): void => {
    load = { ...load, ...change };
    told.push(name);
    for (const wake of waiting) wake();
  };
  const { delayedMs } = options;
  const source = new FileRuleSource({
    ...(delayedMs === undefined ? {} : { delayedMs }),
    directory: { path, ignoreDotFiles: options.ignoreDotFiles ?? false },
    watchRoot: options.watchRoot ?? null,
    merge: options.merge ?? false,
    compile: {
      keyFormat: exactKeyFormat(''),
      nearLimitRatio: 0.8,
      bindStats: options.bindStats ?? (() => new RuleStats()),
      failureMode: 'error',
      bindCallerStats: () => new RuleStats(),
    },
    listener: {
      loaded: (set, stats) => tell('loaded', { set, stats, errors: [], kept: [] }),
      rejected: (problems, kept) => {
        const errors = problems.map((problem) => formatProblem(problem).replaceAll(`${path}/`, ''));
        tell('rejected', { errors, kept });
      },
      delayed: (runningMs) => tell(`delayed ${runningMs}`, {}),
    },
  });
  onTestFinished(() => source.close());
  await source.start();
  const until = (isIt: (now: Load) => boolean): Promise<Load> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isIt(load)) return;
        waiting.delete(look);
        resolve(load);
      };
      waiting.add(look);
      look();
    });
  return { source, first: load, until, told };
}

/** The limit that `key=value` finds in a domain; null when none, undefined when there is no domain. */
export function limitOf(
  set: RuleSet | null,
  domain: string,
  key: string,
  value = '',
): number | null | undefined {
  const rules = set?.domains.get(domain);
  if (rules === undefined) return undefined;
  const check = new Check();
  const entries = [{ key, value }];
  rules.match({ entries, limit: null, hitsAddend: HITS_UNSET, isNegativeHits: false }, check);
  return check.rule === null ? null : check.rule.requestsPerUnit;
}
