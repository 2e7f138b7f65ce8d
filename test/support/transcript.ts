/**
 * Transcripts: text files in which commands (`> tick 1 to election`) are followed by what they brought
 * about. A file is right when carrying out its commands gives the same text.
 */

/** The text with what `run` says to each command; blank lines and `#` for explanations are kept. */
export function carryOut(text: string, run: (command: string) => readonly string[]): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (line.startsWith('> ')) return [line, ...run(line.slice(2))];
      return line === '' || line.startsWith('#') ? [line] : [];
    })
    .join('\n');
}
