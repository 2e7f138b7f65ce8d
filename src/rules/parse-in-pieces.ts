/**
 * A large limits file read a few hundred descriptors at a time, so that memory holds a part of its YAML
 * nodes instead of all: of 100,000 rules the nodes take 0.8 GB, the descriptors that come of them 40 MB.
 *
 * While the parser works through the root's `descriptors:` list, finished items are cut off the list that
 * it is building and composed, checked and read on their own. Only for files that are entirely in order:
 * at the first problem of any kind, and where pieces could depend on each other (anchors), the answer is
 * null and the file is parsed as a whole, which finds every problem and its place.
 */
import { Composer, type CST, type Document, isMap, isSeq, Lexer, LineCounter, Parser } from 'yaml';
import { chargeModeOf } from './charge-mode.ts';
import { DescriptorReader } from './descriptor-reader.ts';
import { NodeWalk, offsetOf } from './node-walk.ts';
import type { ParsedLimits, Place } from './parsed-limits.ts';
import { ProblemList } from './problem-list.ts';
import { checkShape } from './shape-check.ts';
import { domainOf, type TreeMap, type TreeValue } from './tree.ts';
import { TreeReader } from './tree-reader.ts';
import { hasForbiddenCharacters, YAML_OPTIONS } from './yaml-text.ts';

/** Descriptors of depth 0 that are read together. */
const PIECE_ITEMS = 256;
/** The parser still looks at the end of the list that it is building. */
const ITEMS_LEFT = 2;

/** What may be an anchor: `&` where a node can begin. */
const ANCHOR = /(?:^|[\s[\]{},:"'])&/;

/** Problems are not reported from here, so their places do not matter. */
const NOWHERE = { offsetOf: () => 0 };

export function parseInPieces(file: string, text: string): ParsedLimits | null {
  if (ANCHOR.test(text) || hasForbiddenCharacters(text)) return null;
  try {
    return new PieceParser(file).parse(text);
  } catch {
    // What the library throws is told when the file is parsed as a whole.
    return null;
  }
}

class PieceParser {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #problems: ProblemList;
  readonly #trees: TreeReader;
  readonly #descriptors: DescriptorReader;
  /** Offsets of the descriptors of depth 0. */
  readonly #offsets: number[] = [];

  constructor(file: string) {
    this.#file = file;
    this.#problems = new ProblemList(file, this.#lines);
    this.#trees = new TreeReader(new NodeWalk(this.#problems, new Map()));
    this.#descriptors = new DescriptorReader(NOWHERE, this.#problems);
  }

  parse(text: string): ParsedLimits | null {
    const root = this.#readStream(text);
    if (root === null || !isMap(root.contents)) return null;
    const tree = this.#trees.readRoot(root.contents);
    if (tree === null) return null;
    const list = root.contents.get('descriptors', true);
    const { descriptors = null } = tree;
    if (isSeq(list)) this.#noteOffsets(list.items as CutItems);
    this.#read(tree, descriptors);
    this.#descriptors.inheritFrom(tree);
    const domain = domainOf(tree);
    if (domain === null || this.#hasProblems) return null;
    const domainNode = root.contents.get('domain', true) ?? null;
    const charge = chargeModeOf(tree);
    const chargeNode = root.contents.get('charge', true) ?? null;
    return {
      file: this.#file,
      problems: [],
      domain,
      config: { domain, descriptors: this.#descriptors.descriptors },
      domainPlace: this.#placeOf(offsetOf(domainNode)),
      topPlaces: this.#offsets.map((offset) => this.#placeOf(offset)),
      ownModes: this.#descriptors.ownModes,
      charge: charge === null ? null : { mode: charge, place: this.#placeOf(offsetOf(chargeNode)) },
    };
  }

  get #hasProblems(): boolean {
    return this.#problems.problems.length > 0;
  }

  #placeOf(offset: number): Place {
    return this.#problems.placeOf(offset);
  }

  /** The first document with what was not cut off; null at the first problem. */
  #readStream(text: string): Document | null {
    const parser = new Parser(this.#lines.addNewLine);
    const before: CST.Token[] = [];
    this.#lines.addNewLine(0);
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) {
        before.push(token);
        if (token.type === 'document') return compose(before);
      }
      const list = parser.stack[2];
      if (list?.type !== 'block-seq' || list.items.length <= PIECE_ITEMS + ITEMS_LEFT) continue;
      if (keyAbove(parser.stack[1]) !== 'descriptors') return null;
      if (!this.#readPiece(list, list.items.splice(0, PIECE_ITEMS))) return null;
    }
    return compose([...before, ...parser.end()]);
  }

  #readPiece(list: CST.BlockSequence, items: CST.BlockSequence['items']): boolean {
    const offset = items[0]?.start[0]?.offset ?? list.offset;
    const value: CST.BlockSequence = { ...list, offset, items };
    const document = compose([{ type: 'document', offset, start: [], value }]);
    const nodes = document?.contents;
    if (!isSeq(nodes)) return false;
    this.#noteOffsets(nodes.items as CutItems);
    const descriptors = this.#trees.readDescriptors(nodes);
    this.#read({ domain: '-', descriptors }, descriptors);
    return !this.#hasProblems;
  }

  #read(tree: TreeMap, descriptors: TreeValue): void {
    checkShape(tree, NOWHERE, this.#problems);
    this.#descriptors.readList(descriptors, '');
  }

  #noteOffsets(items: CutItems): void {
    for (const item of items) this.#offsets.push(offsetOf(item));
  }
}

type CutItems = readonly Parameters<typeof offsetOf>[0][];

/** Null when the tokens have errors. */
function compose(tokens: readonly CST.Token[]): Document | null {
  const [document] = new Composer(YAML_OPTIONS).compose(tokens, true);
  return document === undefined || document.errors.length > 0 ? null : document;
}

/** The key whose value the parser is at, as it is written. */
function keyAbove(map: CST.Token | undefined): string | null {
  if (map?.type !== 'block-map') return null;
  const key = map.items.at(-1)?.key;
  return key?.type === 'scalar' ? key.source : null;
}
