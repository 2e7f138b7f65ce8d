/**
 * Rules from limits files, kept current: every change of the directory is loaded beside the rules in
 * force, and takes their place in one assignment when it is complete. Bad files keep what they last
 * provided (see reload-plan.ts). One load at a time; changes during a load cause one more after it.
 */
import type { CompileOptions, DomainRules } from '../core/rules/domain-rules.ts';
import type { DescriptorConfig } from '../core/rules/limits-file.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { FileOutcome, KnownFile } from './check-limits.ts';
import { compileDomain } from './compile-domain.ts';
import type { LimitsDirectory } from './directory-walk.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { ParseWorker } from './parse-worker.ts';
import { fileProblem, isError, PROBLEMS_MAX, type Problem } from './problem.ts';
import { planReload, type ReloadPlan, type Source } from './reload-plan.ts';

/** What a load did. */
export interface LoadStats {
  readonly files: number;
  readonly domains: number;
  readonly rules: number;
  /** Domains compiled by this load; the others were taken over. */
  readonly compiledDomains: number;
  readonly durationMs: number;
  /** Of files that are new or changed. */
  readonly warnings: readonly Problem[];
  /** Errors of this load: 0 means that the whole directory is in force. */
  readonly errors: number;
}

export interface LoadListener {
  /** A new set is in force; after a load with errors, without what they keep out. */
  loaded(set: RuleSet, stats: LoadStats): void;
  /**
   * Some file, or the directory, has errors; called after `loaded` when there is a new set all the same.
   * At most PROBLEMS_MAX problems. `keptDomains` go on with the rules of an earlier load.
   */
  rejected(problems: readonly Problem[], keptDomains: readonly string[]): void;
  /**
   * A load still runs after `runningMs`; called once per load. The rules of an earlier load, if any, stay
   * in force. Large files take that long on a slow machine; so does a disk that does not answer.
   */
  delayed?(runningMs: number): void;
}

/** 100,000 rules take less on an idle core. */
const DELAYED_MS = 10_000;

type DescriptorSlices = AsyncIterable<Iterable<DescriptorConfig>>;
export type DescriptorTap = (domain: string, slices: DescriptorSlices) => DescriptorSlices;

export interface FileRuleSourceOptions {
  readonly directory: LimitsDirectory;
  /** RUNTIME_WATCH_ROOT: the link whose swap replaces the directory; null: there is none. */
  readonly watchRoot: string | null;
  /** MERGE_DOMAIN_CONFIG: several files may describe one domain. */
  readonly merge: boolean;
  readonly compile: CompileOptions;
  readonly listener: LoadListener;
  /** Sees the descriptors of a domain on their way to the compiler; for who passes them on. */
  readonly tap?: DescriptorTap;
  /** A load that takes longer is told as delayed; DELAYED_MS when left out. */
  readonly delayedMs?: number;
}

/** A domain in force and the files it came from. */
interface Compiled {
  readonly rules: DomainRules;
  readonly sources: readonly Source[];
}

export class FileRuleSource implements RuleSource {
  readonly #options: FileRuleSourceOptions;
  readonly #watch: DirectoryWatch;
  #current: RuleSet | null = null;
  #inForce: ReadonlyMap<string, Compiled> = new Map();
  #worker: ParseWorker | null = null;
  #isLoading = false;
  #hasChanged = false;
  #isClosed = false;

  constructor(options: FileRuleSourceOptions) {
    this.#options = options;
    const { directory, watchRoot } = options;
    const onChange = (): void => void this.#load();
    this.#watch = new DirectoryWatch({ directory, watchRoot, onChange });
  }

  get current(): RuleSet | null {
    return this.#current;
  }

  /** Resolves after the first load, valid or not; never rejects for what the files say. */
  async start(): Promise<void> {
    await this.#watch.start();
    await this.#load();
  }

  /** A load under way is given up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watch.close();
    await this.#worker?.close();
  }

  async #load(): Promise<void> {
    this.#hasChanged = true;
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#hasChanged && !this.#isClosed) {
      this.#hasChanged = false;
      await this.#loadOnce();
    }
    this.#isLoading = false;
  }

  async #loadOnce(): Promise<void> {
    const startedAt = performance.now();
    const { directory, merge } = this.#options;
    this.#worker ??= new ParseWorker();
    const worker = this.#worker;
    const { delayedMs = DELAYED_MS, listener } = this.#options;
    const delayed = setTimeout(() => listener.delayed?.(delayedMs), delayedMs);
    try {
      const { outcomes, problem } = await worker.check({ directory, merge, known: this.#known() });
      if (problem === null) await this.#apply(worker, outcomes, startedAt);
      else this.#reject([problem], [...this.#inForce.keys()]);
    } catch (error) {
      if (this.#isClosed) return;
      const why = error instanceof Error ? error.message : String(error);
      this.#reject([fileProblem(directory.path, why)], [...this.#inForce.keys()]);
    } finally {
      clearTimeout(delayed);
      if (worker.isReusable) worker.rest();
      else await this.#dismiss(worker);
    }
  }

  async #dismiss(worker: ParseWorker): Promise<void> {
    this.#worker = null;
    await worker.close();
  }

  async #apply(
    worker: ParseWorker,
    outcomes: readonly FileOutcome[],
    startedAt: number,
  ): Promise<void> {
    const sources = new Map(
      [...this.#inForce].map(([domain, { sources: from }]) => [domain, from]),
    );
    const plan = planReload(sources, outcomes, this.#options.merge);
    const next = await this.#compile(worker, plan);
    if (this.#isClosed) return;
    const problems = outcomes.flatMap((outcome) => outcome.problems);
    const errors = problems.filter(isError);
    this.#inForce = next;
    if (next.size > 0 || errors.length === 0 || this.#current !== null) {
      this.#current = this.#ruleSet(next, plan.broken);
      this.#options.listener.loaded(this.#current, {
        files: outcomes.length,
        domains: next.size,
        rules: [...next.values()].reduce((sum, { rules }) => sum + rules.ruleCount, 0),
        compiledDomains: plan.build.size,
        durationMs: performance.now() - startedAt,
        warnings: problems.filter((problem) => !isError(problem)),
        errors: errors.length,
      });
    }
    if (errors.length > 0) this.#reject(errors, [...plan.kept]);
  }

  async #compile(worker: ParseWorker, plan: ReloadPlan): Promise<Map<string, Compiled>> {
    const next = new Map<string, Compiled>();
    for (const domain of [...plan.unchanged, ...plan.kept]) {
      next.set(domain, this.#inForce.get(domain) as Compiled);
    }
    for (const [domain, sources] of plan.build) {
      const slices = worker.descriptors(sources.map(({ file }) => file));
      const { tap, compile } = this.#options;
      next.set(domain, {
        rules: await compileDomain(domain, tap?.(domain, slices) ?? slices, compile),
        sources,
      });
    }
    return next;
  }

  #ruleSet(compiled: ReadonlyMap<string, Compiled>, broken: ReadonlySet<string>): RuleSet {
    const domains = new Map([...compiled].map(([domain, { rules }]) => [domain, rules]));
    return { version: (this.#current?.version ?? 0) + 1, domains, brokenDomains: broken };
  }

  #known(): Map<string, KnownFile> {
    const known = new Map<string, KnownFile>();
    for (const [domain, { sources }] of this.#inForce) {
      for (const { file, fingerprint } of sources) known.set(file, { fingerprint, domain });
    }
    return known;
  }

  #reject(errors: readonly Problem[], kept: readonly string[]): void {
    this.#options.listener.rejected(errors.slice(0, PROBLEMS_MAX), kept);
  }
}
