/**
 * Text of a limits file ─▶ YAML nodes with their places. Only the first document of a stream is read, as
 * the reference does. Scalars stay raw text here; what they mean is decided where it is known whether
 * text, a number or a flag is wanted (see yaml-scalar.ts).
 */
import { LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';

/** A place where the text is not YAML, in the wording of the reference where it has one. */
export interface SyntaxFault {
  readonly offset: number;
  readonly message: string;
  /** `line 3: ` as the reference counts lines for this message; '' when it names none. */
  readonly referenceLine: string;
}

export interface YamlText {
  /** Null for an empty document, and when nothing could be made of the text. */
  readonly root: Node | null;
  readonly lines: LineCounter;
  readonly faults: readonly SyntaxFault[];
}

/** Scalars raw, keys as often as they come: see the header. */
export const YAML_OPTIONS = {
  version: '1.1',
  schema: 'failsafe',
  resolveKnownTags: false,
  uniqueKeys: false,
  prettyErrors: false,
  keepSourceTokens: false,
  logLevel: 'error',
} as const;

/** Syntax faults that are told: those after the first are mostly its consequences. */
const FAULTS_MAX = 20;

/** Characters that YAML does not allow unescaped anywhere in a stream. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/;

/**
 * What the reference's parser says about the same mistake, and where it sees it: at the place that does
 * not fit (`scan`), or, for what its grammar misses (`grammar`), counting lines from 0.
 */
interface Wording {
  readonly text: string;
  readonly kind: 'scan' | 'grammar';
}
const NO_KEY: Wording = { text: 'did not find expected key', kind: 'grammar' };
const NO_TOKEN: Wording = { text: 'found character that cannot start any token', kind: 'scan' };
const NO_FLOW_END: Wording = { text: "did not find expected ',' or '}'", kind: 'grammar' };
const WORDING: Partial<Record<YAMLError['code'], Wording>> = {
  TAB_AS_INDENT: NO_TOKEN,
  BAD_SCALAR_START: NO_TOKEN,
  BAD_INDENT: NO_KEY,
  BLOCK_IN_FLOW: NO_FLOW_END,
  BLOCK_AS_IMPLICIT_KEY: { text: 'mapping values are not allowed in this context', kind: 'scan' },
  MULTILINE_IMPLICIT_KEY: { text: "could not find expected ':'", kind: 'scan' },
};

export function hasForbiddenCharacters(text: string): boolean {
  return FORBIDDEN.test(text);
}

/** Never throws: what cannot be parsed comes back as faults. */
export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden !== null) {
    indexLines(text, lines);
    return fault(lines, forbidden.index, 'control characters are not allowed');
  }
  try {
    const document = parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines });
    const faults = document.errors
      .filter((error) => error.code !== 'MULTIPLE_DOCS')
      .slice(0, FAULTS_MAX)
      .map((error) => syntaxFault(error, text, lines));
    return { root: document.contents, lines, faults };
  } catch (error) {
    // What the library throws must stay the problem of this one file.
    return fault(lines, 0, `cannot be parsed: ${String(error)}`);
  }
}

function fault(lines: LineCounter, offset: number, message: string): YamlText {
  return { root: null, lines, faults: [{ offset, message, referenceLine: '' }] };
}

function indexLines(text: string, lines: LineCounter): void {
  for (let start = 0; start !== -1; ) {
    lines.addNewLine(start);
    const end = text.indexOf('\n', start);
    start = end === -1 ? -1 : end + 1;
  }
}

function syntaxFault(error: YAMLError, text: string, lines: LineCounter): SyntaxFault {
  const [start, end] = error.pos;
  const isUnclosed = error.code === 'MISSING_CHAR' && error.message.includes('closing');
  if (isUnclosed)
    return faultAt(text.length, { text: 'found unexpected end of stream', kind: 'scan' }, lines);
  // The composer recurses: a text of nothing but brackets is deeper than the stack.
  if (error.message.startsWith('Maximum call stack')) {
    return faultAt(start, { text: 'nested too deeply', kind: 'scan' }, lines);
  }
  const offset = error.code === 'BLOCK_AS_IMPLICIT_KEY' ? Math.max(start, end - 1) : start;
  return faultAt(offset, WORDING[error.code] ?? { text: error.message, kind: 'scan' }, lines);
}

function faultAt(offset: number, wording: Wording, lines: LineCounter): SyntaxFault {
  const { line } = lines.linePos(offset);
  const counted = wording.kind === 'grammar' ? line - 1 : line === 1 ? 0 : line;
  const referenceLine = counted > 0 ? `line ${counted}: ` : '';
  return { offset, message: wording.text, referenceLine };
}
