/**
 * Reads TypeScript as text, without a compiler: what is code, what is comment, what is a string, and
 * which modules a file imports. Enough for rules about imports and words, and quick.
 */

export interface SourceText {
  /** The text with comments blanked; strings as they are. Line breaks stay where they were. */
  readonly uncommented: string;
  /** The text with comments and the contents of strings and regular expressions blanked. */
  readonly code: string;
}

/** A token that cannot end an expression: a `/` after it starts a regular expression. */
const BEFORE_REGEXP = /(?:^|[([{,;=:!&|?+\-*%<>~^]|=>|\b(?:return|typeof|case|in|of|void))\s*$/;
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`|\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*|[{}]/y;

export function readSource(text: string): SourceText {
  const scanner = new Scanner(text);
  scanner.run();
  return { uncommented: scanner.uncommented, code: scanner.code };
}

class Scanner {
  uncommented = '';
  code = '';
  readonly #text: string;
  #at = 0;
  /** Depth of braces of each template substitution that is open. */
  readonly #templates: number[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    while (this.#at < this.#text.length) this.#step();
  }

  #step(): void {
    TOKEN.lastIndex = this.#at;
    const token = TOKEN.exec(this.#text)?.[0];
    if (token === undefined) return this.#keep(this.#text[this.#at] ?? '');
    const first = token[0];
    if (token.startsWith('//') || token.startsWith('/*')) return this.#comment(token);
    if (first === '/' && !BEFORE_REGEXP.test(this.code)) return this.#keep('/');
    if (first === '`') return this.#template();
    if (first === '{' || first === '}') return this.#brace(first);
    this.#literal(token);
  }

  #keep(token: string): void {
    this.uncommented += token;
    this.code += token;
    this.#at += token.length;
  }

  #comment(token: string): void {
    this.uncommented += blank(token);
    this.code += blank(token);
    this.#at += token.length;
  }

  #literal(token: string): void {
    this.uncommented += token;
    this.code += token.length < 2 ? token : token[0] + blank(token.slice(1, -1)) + token.at(-1);
    this.#at += token.length;
  }

  #brace(token: '{' | '}'): void {
    const open = this.#templates.length - 1;
    const depth = this.#templates[open];
    this.#keep(token);
    if (depth === undefined) return;
    if (token === '{') this.#templates[open] = depth + 1;
    else if (depth > 0) this.#templates[open] = depth - 1;
    else {
      this.#templates.pop();
      this.#templateText();
    }
  }

  #template(): void {
    this.#keep('`');
    this.#templateText();
  }

  /** From inside a template literal to its end or to the start of its next substitution. */
  #templateText(): void {
    const rest = this.#text.slice(this.#at);
    const body = /^(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/.exec(rest)?.[0] ?? '';
    this.uncommented += body;
    this.code += blank(body);
    this.#at += body.length;
    if (this.#text.startsWith('${', this.#at)) {
      this.#keep('${');
      this.#templates.push(0);
    } else {
      this.#keep('`');
    }
  }
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}

export interface Import {
  /** As written, e.g. `../core/time.ts`, `node:fs`, `yaml`. */
  readonly target: string;
  /** Leaves nothing at run time. */
  readonly isTypeOnly: boolean;
}

const FROM = /\b(?:import|export)\s+(type\s+)?([\w\s{},*$]*?)\bfrom\s*['"]([^'"]+)['"]/g;
const BARE = /\bimport\s*['"]([^'"]+)['"]/g;
const DYNAMIC = /\bimport\s*\(\s*['"]([^'"]+)['"]/g;
const BY_URL = /\bnew URL\(\s*['"](\.[^'"]+\.ts)['"]/g;

/** Everything that a file pulls in: imports, re-exports, dynamic imports, workers by URL. */
export function importsOf({ uncommented }: SourceText): Import[] {
  const found: Import[] = [];
  for (const [, type, clause = '', target = ''] of uncommented.matchAll(FROM)) {
    found.push({ target, isTypeOnly: type !== undefined || namesOnlyTypes(clause) });
  }
  for (const pattern of [BARE, DYNAMIC, BY_URL]) {
    for (const [, target = ''] of uncommented.matchAll(pattern)) {
      found.push({ target, isTypeOnly: false });
    }
  }
  return found;
}

function namesOnlyTypes(clause: string): boolean {
  const names = /^\{([^}]*)\}\s*$/.exec(clause.trim())?.[1];
  if (names === undefined) return false;
  const parts = names.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '').every((part) => part.startsWith('type '));
}

const DECLARED = /\b(const|let|var|function\*?|class|interface|type)\s+([A-Za-z_$][\w$]*)/g;

/** A name that a file declares. */
export interface Declaration {
  readonly keyword: string;
  readonly name: string;
}

export function declarationsOf({ code }: SourceText): Declaration[] {
  const own = code.replaceAll(/\bimport\s+[\w\s{},*$]*?\bfrom\b/g, '');
  return [...own.matchAll(DECLARED)].map(([, keyword = '', name = '']) => ({ keyword, name }));
}
