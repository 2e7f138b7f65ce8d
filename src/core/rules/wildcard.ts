/** Wildcard patterns: `*` stands for any run of characters, also none; everything else is literal. */

export interface Wildcard {
  readonly pattern: string;
  readonly prefix: string;
  readonly suffix: string;
  /** Literal pieces between two stars, in order. */
  readonly middle: readonly string[];
}

export function isWildcard(text: string): boolean {
  return text.includes('*');
}

/** Splits a pattern once, so that a match only compares literal pieces. `pattern` must contain `*`. */
export function compileWildcard(pattern: string): Wildcard {
  const pieces = pattern.split('*');
  return {
    pattern,
    prefix: pieces[0] as string,
    suffix: pieces[pieces.length - 1] as string,
    middle: pieces.slice(1, -1).filter((piece) => piece !== ''),
  };
}

/**
 * True when the whole of `text` fits the pattern. Leftmost placement of each middle piece is enough:
 * pieces are literal, so an earlier fit never rules out a later one.
 */
export function matchesWildcard(wildcard: Wildcard, text: string): boolean {
  const { prefix, suffix, middle } = wildcard;
  const end = text.length - suffix.length;
  if (end < prefix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return false;
  let from = prefix.length;
  for (const piece of middle) {
    const at = text.indexOf(piece, from);
    if (at < 0 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
