/** `weir` in this process: what it printed, and how it ended. */
import { run } from '../../src/cli/command-line.ts';
import { limitsDirectory } from '../rules/support.ts';

export interface Ran {
  readonly code: number;
  readonly printed: readonly string[];
  readonly complained: readonly string[];
}

/** Runs `weir WORDS`; DIR in words and lines stands for the directory of `files`. */
export function weir(words: readonly string[], files: Readonly<Record<string, string>> = {}): Ran {
  const path = limitsDirectory(files);
  const printed: string[] = [];
  const complained: string[] = [];
  const code = run(
    words.map((word) => word.replace('DIR', path)),
    '1.2.3',
    {
      print: (line) => printed.push(line.replaceAll(path, 'DIR')),
      complain: (line) => complained.push(line.replaceAll(path, 'DIR')),
    },
  );
  return { code, printed, complained };
}
