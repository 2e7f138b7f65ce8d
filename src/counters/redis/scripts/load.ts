/**
 * Reads the scripts that lie beside this file. The only place of the counters that touches files.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly text: string;
  /** What EVALSHA calls it by. */
  readonly sha: string;
}

/** Throws when the file is not there: the installation is broken. */
export function loadScript(name: 'charge' | 'append-events'): Script {
  const text = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
