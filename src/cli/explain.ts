/**
 * `weir explain --config DIR DOMAIN 'key=value,…'`: how a descriptor finds its rule: what is compared at
 * each level, which rule applies, which counter it is charged to, with which limit, and what is answered
 * while the store cannot. It compiles the files and walks the tree as the service does.
 */

import { RuleStats } from '../core/counting/rule-stats.ts';
import { isName, NAME_BYTES_MAX } from '../core/quota/bounds.ts';
import { leasedQuota } from '../core/quota/leased-quota.ts';
import { DomainCompiler, type DomainRules } from '../core/rules/domain-rules.ts';
import { type Explanation, explain as explainMatch } from '../core/rules/explain.ts';
import { exactKeyFormat, referenceKeyFormat } from '../core/rules/key-format.ts';
import type { Rule } from '../core/rules/rule.ts';
import { UNIT_NAMES } from '../core/rules/unit.ts';
import { chargesWhole } from '../rules/charge-mode.ts';
import { CheckedLimits } from '../rules/check-limits.ts';
import { readLimitsDirectory } from '../rules/limits-directory.ts';
import { formatProblem, isError } from '../rules/problem.ts';
import { ExitCode, type Output } from './output.ts';
import { parseDescriptor } from './parse-descriptor.ts';
import { RuleOrigins } from './rule-origins.ts';

export interface ExplainOptions {
  readonly directory: string;
  readonly merge: boolean;
  readonly ignoreDotFiles: boolean;
  /** Counter keys as with KEY_FORMAT=reference. */
  readonly referenceKeys: boolean;
  readonly domain: string;
  /** `key=value,key=value`. */
  readonly descriptor: string;
}

export function explain(options: ExplainOptions, output: Output): ExitCode {
  const descriptor = parseDescriptor(options.descriptor);
  if (descriptor === null) {
    output.complain(`'${options.descriptor}' is no descriptor: write key=value,key=value`);
    return ExitCode.USAGE;
  }
  const origins = new RuleOrigins();
  const rules = compile(options, origins, output);
  if (rules === null) return ExitCode.FAILED;
  const explanation = explainMatch(rules, descriptor);
  for (const line of described(explanation, origins)) output.print(line);
  const isCharged = explanation.counterKey !== '';
  if (rules.chargesWhole && isCharged) output.print('charge: all_or_nothing (from the domain)');
  return ExitCode.OK;
}

/** Null, with the reason written, when the domain has no valid file. */
function compile(
  options: ExplainOptions,
  origins: RuleOrigins,
  output: Output,
): DomainRules | null {
  const { directory, ignoreDotFiles, merge, domain } = options;
  const contents = readLimitsDirectory({ path: directory, ignoreDotFiles });
  const checked = new CheckedLimits(contents.files, merge);
  const problems = checked.outcomes.flatMap((outcome) => outcome.problems).filter(isError);
  if (contents.problem !== null) problems.push(contents.problem);
  for (const problem of problems) output.complain(formatProblem(problem));
  const files = checked.outcomes.filter((outcome) => outcome.isGood && outcome.domain === domain);
  if (files.length === 0) {
    output.complain(`no valid file in ${directory} describes the domain '${domain}'`);
    return null;
  }
  const compiler = new DomainCompiler(domain, {
    keyFormat: options.referenceKeys ? referenceKeyFormat('') : exactKeyFormat(''),
    nearLimitRatio: 0.8,
    bindStats: () => origins.bindStats(),
    failureMode: 'error',
    bindCallerStats: () => new RuleStats(),
  });
  const parsed = files.map(({ file }) => checked.parsed(file));
  const domainSays = chargesWhole(parsed) ? ({ chargesWhole: true } as const) : {};
  for (const each of parsed) {
    origins.addAll(each, (descriptor) => compiler.add({ ...descriptor, ...domainSays }));
  }
  return compiler.finish();
}

function described(explanation: Explanation, origins: RuleOrigins): string[] {
  const { levels, rule, counterKey, reason } = explanation;
  const lines: string[] = [];
  for (const [index, { entry, tried, matched }] of levels.entries()) {
    lines.push(`${index + 1}. ${entry}`);
    for (const candidate of tried) {
      lines.push(`     ${candidate === matched ? '✓' : '✗'} ${candidate}`);
    }
  }
  if (rule === null) return [...lines, `no limit: ${reason}`];
  lines.push(`rule: ${rule.path}${rule.name === '' ? '' : ` (name: ${rule.name})`}`);
  lines.push(`limit: ${limitText(rule, counterKey)}`);
  if (counterKey !== '') lines.push(`counter: ${counterKey}`);
  if (rule.replaces.length > 0) lines.push(`replaces: ${rule.replaces.join(', ')}`);
  if (rule.unlimited) return lines;
  lines.push(`on store failure: ${origins.failureText(rule)}`);
  if (rule.isCritical) lines.push('critical: yes');
  return lines;
}

function limitText(rule: Rule, counterKey: string): string {
  if (rule.unlimited) return 'unlimited';
  const amount = `${rule.requestsPerUnit} per ${UNIT_NAMES[rule.unit]?.toLowerCase()}`;
  const modes = [
    rule.shadowMode && 'shadow mode',
    rule.quotaMode && 'quota mode',
    rule.isLeased && leaseText(rule, counterKey),
  ];
  return [amount, ...modes.filter(Boolean)].join(', ');
}

function leaseText({ requestsPerUnit, unit }: Rule, counterKey: string): string {
  if (!isName(counterKey)) return `not leased: its key is longer than ${NAME_BYTES_MAX} bytes`;
  const quota = leasedQuota(requestsPerUnit, unit);
  if (quota.kind === 'count') return 'leased as a count per window';
  return `leased as a rate with a burst of ${quota.burst}`;
}
