/**
 * The breaker made out of its own source text, so that a text with a mutation can take its place. Types
 * are stripped as Node does it; the two files become one script.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { runInThisContext } from 'node:vm';
import { type Mutation, mutationsOf, type WordSets } from './mutations.ts';
import type { BreakerKind } from './transcript.ts';

/** In the order in which they need each other. */
const FILES = ['call-window.ts', 'breaker.ts'] as const;
type File = (typeof FILES)[number];
export type Sources = Readonly<Record<File, string>>;

export interface Mutant {
  readonly file: File;
  readonly mutation: Mutation;
  /** The line of the source that it is in, without what is around it. */
  readonly code: string;
  readonly sources: Sources;
}

const WORD_SETS: WordSets = [
  ['closed', 'open', 'half-open', 'ramping'],
  [
    'failure-ratio',
    'failures-in-row',
    'slow-ratio',
    'probe-failed',
    'probe-late',
    'ramp-failed',
    'waited',
    'health-check',
    'probes-succeeded',
    'ramped-up',
  ],
  ['auto', 'forced-open', 'forced-closed', 'shadow'],
  ['success', 'failure', 'ignored'],
];

/** A mutated loop may have no end: far more turns than any transcript takes. */
const TURNS_MAX = 100_000;

export function readSources(): Sources {
  const read = (file: File): [File, string] => {
    const url = new URL(`../../../../src/core/breaker/${file}`, import.meta.url);
    return [file, stripTypeScriptTypes(readFileSync(url, 'utf8'))];
  };
  return Object.fromEntries(FILES.map(read)) as Record<File, string>;
}

export function mutantsOf(sources: Sources): Mutant[] {
  return FILES.flatMap((file) => {
    const source = sources[file];
    const start = source.indexOf('export class');
    return mutationsOf(source, WORD_SETS, start).map((mutation) => ({
      file,
      mutation,
      code: source.split('\n')[mutation.line - 1]?.trim() ?? '',
      sources: { ...sources, [file]: mutation.text },
    }));
  });
}

/** Throws where the text is no program. */
export function kindOf(sources: Sources): BreakerKind {
  const body = FILES.map((file) => sources[file])
    .join('\n')
    .replaceAll(/^import .*;$/gm, '')
    .replaceAll(/^export /gm, '')
    .replaceAll('while (', 'while (turn(), ');
  const turn = `let turns = 0;
    const turn = () => { if ((turns += 1) > ${TURNS_MAX}) throw new Error('no end'); };`;
  return runInThisContext(`(() => { ${turn}\n${body}\nreturn Breaker; })()`) as BreakerKind;
}
