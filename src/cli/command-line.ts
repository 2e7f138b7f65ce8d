/**
 * The words of the command line ─▶ a command. `run` and, for the one command that waits, `runEvents` are the
 * whole of `weir` but for the process.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { check, checkLikeReference } from './check.ts';
import type { Surroundings } from './events.ts';
import { parseEventsOptions } from './events-options.ts';
import { explain } from './explain.ts';
import { ExitCode, type Output } from './output.ts';
import { inspectRaft } from './raft-inspect.ts';

export const USAGE = `weir: limits files, checked and explained; a voter's storage, inspected; events

  weir check DIR [--merge-domains] [--ignore-dot-files]
      Every problem of the limits files in DIR, as file:line:column path message.
      Exit code 0: no errors (there may be warnings). 1: errors.

  weir explain --config DIR DOMAIN 'key=value,key=value' [--merge-domains] [--reference-keys]
      Which rule a descriptor finds, level by level, its counter and its limit.
      A comma inside a value is written \\,

  weir raft inspect DIR [--json]
      What a voter's storage holds: term, vote, snapshots, log, damage. Changes nothing.
      Exit code 0: the voter could start from it. 1: it could not.

  weir events [--kind audit|abuse] [--from ID] [--count N] [--follow] [--json]
              [--group NAME --consumer NAME [--claim-after SECONDS]]
      Recorded events in the order in which they happened, each once. Where they are is read from
      the environment, as the service does: EVENTS_STREAM, REDIS_URL and the other REDIS_ variables.
      ID: of an entry, or a time (2026-11-24T10:00Z), or '$' for what comes from now on.
      With a group, its consumers share the events, and what one did not finish comes again.
      Exit code 0: shown. 1: Redis could not be asked. What is missing is told on stderr.

  weir -config_dir DIR [-merge_domain_configs]
      The check with the flags and the output of envoyproxy/ratelimit's config_check_cmd.

  weir --help, weir --version`;

/** Never throws for what was typed. */
export function run(words: readonly string[], version: string, output: Output): ExitCode {
  const [command, ...rest] = words;
  if (command === undefined) return misuse('no command', output);
  if (command === '--help' || command === '-h' || command === 'help') {
    output.print(USAGE);
    return ExitCode.OK;
  }
  if (command === '--version' || command === '-v') {
    output.print(version);
    return ExitCode.OK;
  }
  if (isReferenceFlag(command)) return runReference(words, output);
  if (command === 'check')
    return isReference(rest) ? runReference(rest, output) : runCheck(rest, output);
  if (command === 'explain') return runExplain(rest, output);
  if (command === 'raft') return runRaft(rest, output);
  return misuse(`unknown command '${command}'`, output);
}

/** `weir events`, given the words behind it. Loads what speaks to Redis only then. */
export async function runEvents(
  words: readonly string[],
  surroundings: Surroundings,
  output: Output,
): Promise<ExitCode> {
  const options = parseEventsOptions(words);
  if (typeof options === 'string') return misuse(options, output);
  const { showEvents } = await import('./events.ts');
  return showEvents(options, surroundings, output);
}

const FLAG = { type: 'boolean', default: false } as const;

function runCheck(words: readonly string[], output: Output): ExitCode {
  const options = { 'merge-domains': FLAG, 'ignore-dot-files': FLAG } as const;
  const parsed = parse({ args: [...words], options, allowPositionals: true }, output);
  if (parsed === null) return ExitCode.USAGE;
  const [directory, extra] = parsed.positionals;
  if (directory === undefined) return misuse('check needs the directory', output);
  if (extra !== undefined) return misuse(`check takes one directory, not also '${extra}'`, output);
  const { values } = parsed;
  return check(
    {
      directory,
      merge: values['merge-domains'] === true,
      ignoreDotFiles: values['ignore-dot-files'] === true,
    },
    output,
  );
}

function runExplain(words: readonly string[], output: Output): ExitCode {
  const options = {
    config: { type: 'string' },
    'merge-domains': FLAG,
    'ignore-dot-files': FLAG,
    'reference-keys': FLAG,
  } as const;
  const parsed = parse({ args: [...words], options, allowPositionals: true }, output);
  if (parsed === null) return ExitCode.USAGE;
  const { values, positionals } = parsed;
  const [domain, descriptor, extra] = positionals;
  const { config } = values;
  if (typeof config !== 'string') return misuse('explain needs --config DIR', output);
  if (domain === undefined || descriptor === undefined || extra !== undefined) {
    return misuse("explain needs a domain and one descriptor, 'key=value,key=value'", output);
  }
  return explain(
    {
      directory: config,
      merge: values['merge-domains'] === true,
      ignoreDotFiles: values['ignore-dot-files'] === true,
      referenceKeys: values['reference-keys'] === true,
      domain,
      descriptor,
    },
    output,
  );
}

function runRaft([command, ...words]: readonly string[], output: Output): ExitCode {
  if (command !== 'inspect') return misuse("raft takes the command 'inspect'", output);
  const options = { json: FLAG } as const;
  const parsed = parse({ args: words, options, allowPositionals: true }, output);
  if (parsed === null) return ExitCode.USAGE;
  const [directory, extra] = parsed.positionals;
  if (directory === undefined || extra !== undefined) {
    return misuse('raft inspect needs one directory', output);
  }
  return inspectRaft({ directory, json: parsed.values['json'] === true }, output);
}

/** Go's flags: one dash or two, `-name value` or `-name=value`; a boolean may be `-name=false`. */
const REFERENCE_FLAG = /^--?(config_dir|merge_domain_configs)(?:=(.*))?$/s;

function isReferenceFlag(word: string): boolean {
  return REFERENCE_FLAG.test(word);
}

function isReference(words: readonly string[]): boolean {
  return words.some(isReferenceFlag);
}

function runReference(words: readonly string[], output: Output): ExitCode {
  let directory = '';
  let merge = false;
  for (let i = 0; i < words.length; i++) {
    const match = REFERENCE_FLAG.exec(words[i] as string);
    if (match === null) return misuse(`'${words[i]}' is no flag of the check`, output);
    const [, name, value] = match;
    if (name === 'config_dir') directory = value ?? words[++i] ?? '';
    else merge = value === undefined || /^(1|t|true)$/i.test(value);
  }
  return checkLikeReference({ directory, merge, ignoreDotFiles: false }, output);
}

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

function parse(config: ParseArgsConfig, output: Output): Parsed | null {
  try {
    return parseArgs(config);
  } catch (error) {
    misuse((error as Error).message, output);
    return null;
  }
}

function misuse(what: string, output: Output): ExitCode {
  output.complain(`weir: ${what}`);
  output.complain("Try 'weir --help'.");
  return ExitCode.USAGE;
}
