/**
 * What a load changes, domain by domain. A domain is built from the files that name it, or keeps the
 * rules it has, as a whole: no domain is ever put together from a new file and the old text of another.
 *
 * - A domain whose files are all good is built from them, or kept as it is when none of them changed.
 * - A bad file holds on to the domain it last provided, and to the one it names: that domain keeps its
 *   last good rules until the file is mended or deleted.
 * - A domain that only bad files name, and that never had rules, is broken: requests for it are told so.
 * - A domain that no file names or holds any more is gone.
 */
import type { FileOutcome } from './check-limits.ts';

/** A file's part in a compiled domain. */
export interface Source {
  readonly file: string;
  readonly fingerprint: string;
}

export interface ReloadPlan {
  /** Domains to compile, with their files in order. */
  readonly build: ReadonlyMap<string, readonly Source[]>;
  /** Domains whose files did not change. */
  readonly unchanged: ReadonlySet<string>;
  /** Domains that keep their last good rules because a file has errors. */
  readonly kept: ReadonlySet<string>;
  readonly broken: ReadonlySet<string>;
}

interface Claims {
  readonly good: Source[];
  hasBad: boolean;
}

/** `inForce`: the sources of every domain compiled so far. */
export function planReload(
  inForce: ReadonlyMap<string, readonly Source[]>,
  outcomes: readonly FileOutcome[],
  merge: boolean,
): ReloadPlan {
  const plan = {
    build: new Map<string, readonly Source[]>(),
    unchanged: new Set<string>(),
    kept: new Set<string>(),
    broken: new Set<string>(),
  };
  const badFiles = new Set(outcomes.filter(({ isGood }) => !isGood).map(({ file }) => file));
  const claims = claimsOf(inForce, outcomes, badFiles);
  for (const [domain, { good, hasBad }] of claims) {
    const sources = inForce.get(domain);
    const isHeld = sources?.some(({ file }) => badFiles.has(file)) === true;
    if (sources !== undefined && hasBad && (merge || isHeld || good.length === 0)) {
      plan.kept.add(domain);
    } else if (hasBad && (merge || good.length === 0)) {
      plan.broken.add(domain);
    } else if (sources !== undefined && sameSources(sources, good)) {
      plan.unchanged.add(domain);
    } else if (good.length > 0) {
      plan.build.set(domain, good);
    }
  }
  return plan;
}

function claimsOf(
  inForce: ReadonlyMap<string, readonly Source[]>,
  outcomes: readonly FileOutcome[],
  badFiles: ReadonlySet<string>,
): ReadonlyMap<string, Claims> {
  const claims = new Map<string, Claims>();
  const claim = (domain: string): Claims => {
    const claimed = claims.get(domain) ?? { good: [], hasBad: false };
    claims.set(domain, claimed);
    return claimed;
  };
  for (const [domain, sources] of inForce) {
    if (sources.some(({ file }) => badFiles.has(file))) claim(domain).hasBad = true;
  }
  for (const { file, fingerprint, domain, isGood } of outcomes) {
    if (domain === null) continue;
    if (isGood) claim(domain).good.push({ file, fingerprint });
    else claim(domain).hasBad = true;
  }
  return claims;
}

function sameSources(a: readonly Source[], b: readonly Source[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ file, fingerprint }, index) => {
      const other = b[index] as Source;
      return file === other.file && fingerprint === other.fingerprint;
    })
  );
}
