/**
 * What only shows when files are put side by side: two files for one domain, or, where files of one
 * domain are merged (MERGE_DOMAIN_CONFIG), one descriptor in two of them, or a `charge` that another
 * contradicts. The later file, in sorted order, is the one that is wrong.
 */
import { compositeKey } from '../core/rules/rule-node.ts';
import type { ChargeMode } from './charge-mode.ts';
import type { ParsedLimits, Place } from './parsed-limits.ts';
import type { Problem } from './problem.ts';

/** A file of the set: parsed when its text is new, else looked into only where it must be. */
export interface DomainClaim {
  readonly file: string;
  readonly domain: string;
  /** Must be cheap to call again. */
  readonly parsed: () => ParsedLimits;
}

/** Problems by file; `claims` are the files whose domain could be read, sorted. */
export function problemsAcross(
  claims: readonly DomainClaim[],
  merge: boolean,
): ReadonlyMap<string, readonly Problem[]> {
  const found = new Map<string, readonly Problem[]>();
  for (const [domain, group] of byDomain(claims)) {
    if (group.length < 2) continue;
    const [first, ...later] = group as [DomainClaim, ...DomainClaim[]];
    if (merge) mergeGroup(group, found);
    else {
      for (const claim of later) found.set(claim.file, [twice(claim, domain, first.file)]);
    }
  }
  return found;
}

function byDomain(claims: readonly DomainClaim[]): ReadonlyMap<string, readonly DomainClaim[]> {
  const groups = new Map<string, DomainClaim[]>();
  for (const claim of claims) {
    const group = groups.get(claim.domain);
    if (group === undefined) groups.set(claim.domain, [claim]);
    else group.push(claim);
  }
  return groups;
}

function twice(claim: DomainClaim, domain: string, first: string): Problem {
  const reference = `duplicate domain '${domain}' in config file`;
  const message = `${reference}: ${first} has it too`;
  return ruleProblem(claim.file, claim.parsed().domainPlace, {
    path: 'domain',
    message,
    reference,
  });
}

/** Only the first level can clash: a descriptor below it clashes only if the one above does. */
function mergeGroup(group: readonly DomainClaim[], found: Map<string, readonly Problem[]>): void {
  const owners = new Map<string, string>();
  let said: ChargeSaid | null = null;
  for (const { file, domain, parsed } of group) {
    const { config, topPlaces, charge } = parsed();
    const problems: Problem[] = [];
    if (charge !== null) {
      said ??= { file, mode: charge.mode };
      if (said.mode !== charge.mode) problems.push(contradiction(file, charge.place, said));
    }
    const top = config?.descriptors.filter((descriptor) => descriptor.depth === 0) ?? [];
    for (const [index, descriptor] of top.entries()) {
      const composite = compositeKey(descriptor);
      const owner = owners.get(composite);
      if (owner === undefined) owners.set(composite, file);
      if (owner === undefined || owner === file) continue;
      const reference = `duplicate descriptor composite key '${domain}.${composite}'`;
      const message = `${reference}: ${owner} has it too`;
      const path = `descriptors[${index}]`;
      problems.push(ruleProblem(file, topPlaces[index] as Place, { path, message, reference }));
    }
    if (problems.length > 0) found.set(file, problems);
  }
}

interface ChargeSaid {
  readonly file: string;
  readonly mode: ChargeMode;
}

function contradiction(file: string, place: Place, said: ChargeSaid): Problem {
  const message = `charge must be the same in all files of a domain: ${said.file} says ${said.mode}`;
  return ruleProblem(file, place, { path: 'charge', message, reference: message });
}

function ruleProblem(
  file: string,
  place: Place,
  what: { readonly path: string; readonly message: string; readonly reference: string },
): Problem {
  return { file, ...place, ...what, severity: 'error', stage: 'rules' };
}
