/**
 * Mutants of a source text: everything that one small slip could have made of it, made mechanically. An
 * operator becomes its neighbour, a number the next, a word of a closed set (states, reasons) each
 * other one, a condition always true or never, a statement or a field of a literal is left out, a
 * change of state becomes another.
 *
 * It reads plain JavaScript as `stripTypeScriptTypes` leaves it, in which every token keeps its place.
 */

export interface Mutation {
  /** From 1, in the file. */
  readonly line: number;
  /** `>= => >`. */
  readonly name: string;
  /** Of the source with it. */
  readonly text: string;
}

interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'operator';
  readonly text: string;
  readonly at: number;
}

interface Change {
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

/** Words that stand in for one another. */
export type WordSets = readonly (readonly string[])[];

const OPERATORS = new Map<string, readonly string[]>([
  ['<', ['<=', '>=']],
  ['<=', ['<', '>']],
  ['>', ['>=', '<=']],
  ['>=', ['>', '<']],
  ['===', ['!==']],
  ['!==', ['===']],
  ['&&', ['||']],
  ['||', ['&&']],
  ['+', ['-']],
  ['-', ['+']],
  ['*', ['/']],
  ['/', ['*']],
  ['%', ['/']],
  ['**', ['*']],
  ['++', ['--']],
  ['+=', ['-=']],
  ['-=', ['+=']],
  ['!', ['']],
]);
const WORDS = new Map<string, readonly string[]>([
  ['true', ['false']],
  ['false', ['true']],
  ['Infinity', ['0']],
  ['min', ['max']],
  ['max', ['min']],
  ['floor', ['ceil']],
]);

const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|\s+|(?<string>'[^'\n]*')|(?<number>\d[\d_.]*)|(?<word>#?[A-Za-z_$][\w$]*)|(?<operator>\.\.\.|===|!==|\*\*|=>|\?\?=|\?\?|\?\.|<=|>=|&&|\|\||\+\+|--|\+=|-=|[-+*/%<>=!?:;,.(){}[\]])/y;
const OPENING = '([{';
const CLOSING = ')]}';
/** What a statement that does something begins with. */
const DOING = new Set(['this', 'return']);

/** `start`: what lies before it stays as it is. */
export function mutationsOf(source: string, sets: WordSets, start: number): Mutation[] {
  const tokens = tokensOf(source).filter(({ at }) => at >= start);
  const changes = tokens.flatMap((token, index) => [
    ...ofToken(token, sets),
    ...ofCondition(tokens, index),
    ...ofChoice(tokens, index),
    ...ofStatement(tokens, index),
    ...ofLiteral(tokens, index),
    ...ofTransition(tokens, index),
  ]);
  return changes.map((change) => mutationOf(source, change));
}

function mutationOf(source: string, { from, to, by }: Change): Mutation {
  const was = source.slice(from, to).replaceAll(/\s+/g, ' ').trim();
  return {
    line: source.slice(0, from).split('\n').length,
    name: `${was} => ${by.trim()}`.trim(),
    text: source.slice(0, from) + by + source.slice(to),
  };
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) throw new Error(`no token: ${source.slice(at, at + 20)}`);
    const found = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined);
    if (found) tokens.push({ kind: found[0] as Token['kind'], text: found[1], at });
  }
  return tokens;
}

function endOf({ at, text }: Token): number {
  return at + text.length;
}

function ofToken(token: Token, sets: WordSets): Change[] {
  const [from, to] = [token.at, endOf(token)];
  return replacements(token, sets).map((by) => ({ from, to, by }));
}

function replacements({ kind, text }: Token, sets: WordSets): readonly string[] {
  switch (kind) {
    case 'operator':
      return OPERATORS.get(text) ?? [];
    case 'word':
      return WORDS.get(text) ?? [];
    case 'number': {
      const number = Number(text.replaceAll('_', ''));
      return [number + 1, number - 1].map(String);
    }
    case 'string': {
      const word = text.slice(1, -1);
      const others = sets.find((set) => set.includes(word))?.filter((each) => each !== word);
      return (others ?? []).map((each) => `'${each}'`);
    }
  }
}

/** `if (…)` and `while (…)`: always, or never. */
function ofCondition(tokens: readonly Token[], index: number): Change[] {
  const word = tokens[index]?.text;
  if (word !== 'if' && word !== 'while') return [];
  const open = index + 1;
  const [from, to] = [endOf(tokens[open] as Token), (tokens[closing(tokens, open)] as Token).at];
  return ['true', 'false'].map((by) => ({ from, to, by }));
}

/** `c ? a : b`: always a, or always b. */
function ofChoice(tokens: readonly Token[], index: number): Change[] {
  const token = tokens[index] as Token;
  if (token.text !== '?') return [];
  let first = index;
  for (let depth = 0; first > 0; first -= 1) {
    const { text } = tokens[first - 1] as Token;
    if (CLOSING.includes(text)) depth += 1;
    else if (OPENING.includes(text)) depth -= 1;
    const isBefore = depth === 0 && ['=', ',', 'return', '=>', ';', ':', '?'].includes(text);
    if (depth < 0 || isBefore) break;
  }
  const [from, to] = [(tokens[first] as Token).at, token.at];
  return [' true ', ' false '].map((by) => ({ from, to, by }));
}

/** A statement that does something is left out. */
function ofStatement(tokens: readonly Token[], index: number): Change[] {
  const token = tokens[index] as Token;
  const before = tokens[index - 1]?.text ?? '';
  const isFirst = [';', '{', '}', ')', 'else'].includes(before);
  // Behind a colon it is a value, but for what a case returns.
  const isOfCase = before === ':' && token.text === 'return';
  if (!DOING.has(token.text) || !(isFirst || isOfCase)) return [];
  let last = index;
  for (let depth = 0; (tokens[last] as Token).text !== ';' || depth > 0; last += 1) {
    const { text } = tokens[last] as Token;
    if (OPENING.includes(text)) depth += 1;
    else if (CLOSING.includes(text)) depth -= 1;
  }
  return [{ from: token.at, to: (tokens[last] as Token).at, by: '' }];
}

/** `{ ...before, a, b: 1 }`: one field is left as it was. */
function ofLiteral(tokens: readonly Token[], index: number): Change[] {
  if (tokens[index]?.text !== '{' || tokens[index + 1]?.text !== '...') return [];
  const last = closing(tokens, index);
  const commas: number[] = [];
  for (let at = index + 1, depth = 0; at < last; at += 1) {
    const { text } = tokens[at] as Token;
    if (OPENING.includes(text)) depth += 1;
    else if (CLOSING.includes(text)) depth -= 1;
    else if (text === ',' && depth === 0) commas.push(at);
  }
  return commas.map((comma, place) => ({
    from: (tokens[comma] as Token).at,
    to: (tokens[commas[place + 1] ?? last] as Token).at,
    by: '',
  }));
}

/** The calls by which a breaker changes its state, each as another. */
const TRANSITIONS = new Map([
  ['#open', "this.#open('probe-failed', now, 0)"],
  ['#halfOpen', "this.#halfOpen('waited', now)"],
  ['#ramp', "this.#enter({ kind: 'ramping', since: now }, 'probes-succeeded', now)"],
  ['#close', 'this.#close(now)'],
]);

function ofTransition(tokens: readonly Token[], index: number): Change[] {
  const name = tokens[index]?.text ?? '';
  const isCall = tokens[index - 1]?.text === '.' && tokens[index + 1]?.text === '(';
  if (!isCall || !TRANSITIONS.has(name)) return [];
  const from = (tokens[index - 2] as Token).at;
  const to = endOf(tokens[closing(tokens, index + 1)] as Token);
  const others = [...TRANSITIONS].filter(([other]) => other !== name);
  return others.map(([, by]) => ({ from, to, by }));
}

/** Index of the bracket that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    const { text } = tokens[at] as Token;
    if (OPENING.includes(text)) depth += 1;
    else if (CLOSING.includes(text)) depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error('a bracket without its end');
}
