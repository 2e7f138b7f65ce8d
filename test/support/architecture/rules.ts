/**
 * Rules about single files, as data: what they forbid and where. Each looks at a file's text and gives
 * the problems it found, one line each.
 */
import { declarationsOf, type SourceText } from './source-text.ts';

/** A source file with its path below the project's folder, e.g. `src/core/time.ts`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly source: SourceText;
}

export interface FileRule {
  /** Reads as the name of a test. */
  readonly name: string;
  readonly appliesTo: (path: string) => boolean;
  readonly problems: (file: SourceFile) => readonly string[];
}

const LINES_MAX = 400;
/** Files that are short by design, because they decide nothing. */
const SHORT_FILES: Readonly<Record<string, number>> = { 'src/main.ts': 80, 'src/compose.ts': 200 };

/** RFC 9113 calls a frame so. */
const FRAME_TYPES: ReadonlySet<string> = new Set(['DATA', 'LAST_DATA']);
const BANNED_WORDS = /^(?:managers?|helpers?|utils?|utility|utilities|common|misc|data|infos?)$/;

const inSrc = (path: string): boolean => path.startsWith('src/');
const isIn =
  (...places: readonly string[]) =>
  (path: string): boolean =>
    places.some((place) => path === place || path.startsWith(place));

export const FILE_RULES: readonly FileRule[] = [
  {
    name: `no file is longer than ${LINES_MAX} lines, main.ts and compose.ts stay short`,
    appliesTo: () => true,
    problems: ({ path, text }) => {
      const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
      const max = SHORT_FILES[path] ?? LINES_MAX;
      return lines > max ? [`${lines} lines, ${max} at most`] : [];
    },
  },
  {
    name: 'core knows no clock, timer, chance, console, process or Node global',
    appliesTo: isIn('src/core/'),
    problems: forbids(
      /(?<![.#\w])(?:Date|Math\.random|performance|setTimeout|setInterval|setImmediate|queueMicrotask|console|process|crypto|fetch|Buffer|globalThis|require)\b(?!\??:)/g,
    ),
  },
  {
    name: 'only the command line and telemetry write to the console',
    appliesTo: (path) => inSrc(path) && !isIn('src/cli/', 'src/telemetry/')(path),
    problems: forbids(/(?<![.#\w])console\.\w+/g),
  },
  {
    name: 'only settings, main.ts and the command line read the environment',
    appliesTo: (path) => inSrc(path) && !isIn('src/settings/', 'src/cli/', 'src/main.ts')(path),
    problems: forbids(/(?<![.#\w])process\s*\.\s*env\b/g),
  },
  {
    name: 'modules export by name',
    appliesTo: (path) => path !== 'vitest.config.ts',
    problems: forbids(/\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g),
  },
  {
    name: 'names say what a thing is',
    appliesTo: () => true,
    problems: ({ path, source }) => [
      ...badPathParts(path),
      ...declarationsOf(source)
        .filter(({ keyword, name }) => isBadName(keyword, name))
        .map(({ name }) => `the name ${name} says nothing`),
    ],
  },
  {
    name: 'nothing in src is left for later',
    appliesTo: inSrc,
    problems: ({ text }) =>
      (text.match(/\b(?:TODO|FIXME|XXX)\b/g) ?? []).map((word) => `has ${word}`),
  },
  {
    name: 'no test is narrowed or switched off, and no module is mocked',
    appliesTo: isIn('test/'),
    problems: forbids(
      /\b(?:describe|test|it)\.(?:only|skip|todo|fails)\b|\bx(?:it|describe|test)\(|\bvi\.(?:do)?[mM]ock\(/g,
    ),
  },
];

function forbids(pattern: RegExp): FileRule['problems'] {
  return ({ source }) => (source.code.match(pattern) ?? []).map((found) => `has ${found.trim()}`);
}

function badPathParts(path: string): string[] {
  return path
    .split(/[/.]/)
    .filter((part) => part.split('-').some((word) => BANNED_WORDS.test(word)))
    .map((part) => `the path part ${part} says nothing`);
}

function isBadName(keyword: string, name: string): boolean {
  if (name === 'handle' || name.endsWith('Impl')) return true;
  if (keyword === 'interface' && /^I[A-Z][a-z]/.test(name)) return true;
  if (FRAME_TYPES.has(name)) return false;
  return wordsOf(name).some((word) => BANNED_WORDS.test(word));
}

/** `rawLimitsData` → raw, limits, data; `HTTP_INFO` → http, info. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[\s_$\d]+/);
}
