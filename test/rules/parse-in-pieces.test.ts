/** Reading a file in pieces must come to exactly what reading it as a whole does, or give up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseInPieces } from '../../src/rules/parse-in-pieces.ts';
import { parseLimits, parseWhole } from '../../src/rules/parse-limits.ts';

/** Descriptors of depth 0: several pieces and a rest. */
const ITEMS = 700;

const SHAPES: readonly ((i: number) => string)[] = [
  (i) => `  - key: k\n    value: "v${i}"\n    rate_limit: {unit: hour, requests_per_unit: ${i}}\n`,
  (i) =>
    `  - key: k${i}\n    descriptors:\n      - key: z # note\n\n        rate_limit:\n          unit: day\n          requests_per_unit: 0x1\n`,
  (i) => `  # note\n\n  - {key: k, value: 'w''${i}', metadata: {a: [1, {b: c}]}}\n\n`,
  (i) => `  -\n    key: l\n    value: |\n      text ${i}\n      - key: no item\n`,
];

function body(pick: (i: number) => number): string {
  const items = Array.from({ length: ITEMS }, (_, i) => SHAPES[pick(i) % SHAPES.length]?.(i));
  return items.join('');
}
const BODY = body((i) => i);
const MODES = Array.from(
  { length: ITEMS },
  (_, i) =>
    `  - key: m${i}\n    on_store_failure: closed\n    descriptors:\n      - key: k\n        critical: false\n`,
).join('');

describe('a valid file in pieces', () => {
  test.each([
    ['block style', `domain: d\ndescriptors:\n${BODY}`],
    ['the domain at its end', `descriptors:\n${BODY}domain: d\n`],
    ['a list that is not indented', `domain: d\ndescriptors:\n${BODY.replaceAll(/^ {2}/gm, '')}`],
    [
      'comments and a document mark before it',
      `# note\n---\ndomain: d\ndescriptors:\n${BODY}# end\n`,
    ],
    ['more documents after it', `domain: d\ndescriptors:\n${BODY}---\nfoo: [`],
    ['CRLF line ends', `domain: d\ndescriptors:\n${BODY}`.replaceAll('\n', '\r\n')],
    [
      'what holds on store failure, said first',
      `domain: d\non_store_failure: open\ncritical: true\ndescriptors:\n${MODES}${BODY}`,
    ],
    [
      'what holds on store failure, said last',
      `domain: d\ndescriptors:\n${BODY}${MODES}on_store_failure: open\ncritical: true\n`,
    ],
    ['fewer descriptors than a piece', `domain: d\ndescriptors:\n${SHAPES[0]?.(1)}`],
    ['no descriptors', 'domain: d\n'],
    ['a list in flow style', 'domain: d\ndescriptors: [{key: k}, {key: j}]\n'],
  ])('is what it is as a whole: %s', (_name, text) => {
    const pieces = parseInPieces('f', text);
    expect(pieces).not.toBeNull();
    expect(pieces).toStrictEqual(parseWhole('f', text));
  });

  test('whatever the mixture of styles', () => {
    const picks = fc.array(fc.nat({ max: SHAPES.length - 1 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(picks, (pattern) => {
        const text = `domain: d\ndescriptors:\n${body((i) => pattern[i % pattern.length] as number)}`;
        expect(parseInPieces('f', text)).toEqual(parseWhole('f', text));
      }),
      { numRuns: 15 },
    );
  });
});

describe('a file that is not in order is left to be parsed as a whole', () => {
  const at = (item: string): string =>
    `domain: d\ndescriptors:\n${BODY.replace(/ {2}- key: k301\n/, `  - ${item}\n  - key: k301\n`)}`;

  test.each([
    ['an unknown key', at('{key: q, foo: 1}')],
    ['no failure mode', at('{key: q, on_store_failure: opne}')],
    ['no failure mode at its end', `domain: d\ndescriptors:\n${BODY}on_store_failure: opne\n`],
    ['a wrong type', at('{key: q, shadow_mode: maybe}')],
    ['a duplicate of another piece', at('{key: k1}')],
    ['an item that is no map', at('text')],
    ['an item without a dash', at('{key: q}\n   key: r')],
    ['an anchor', at('&a {key: q}')],
    ['an unclosed bracket', at('{key: q')],
    ['a control character', at('{key: q, value: "\u0001"}')],
    ['a warning', at('{key: q, unit: hour}')],
    ['no domain', `descriptors:\n${BODY}`],
    ['the list twice', `domain: d\ndescriptors:\n${BODY}descriptors:\n${BODY}`],
    ['a list of another name', `domain: d\nother:\n${BODY}`],
    ['a list at the root', BODY.replaceAll(/^ {2}/gm, '')],
    ['text', 'text'],
    ['nothing', ''],
  ])('%s', (_name, text) => {
    expect(parseInPieces('f', text)).toBeNull();
    expect(parseLimits('f', text)).toEqual(parseWhole('f', text));
  });

  test('an ampersand inside a value is no anchor', () => {
    const text = at('{key: q, value: a&b}');
    expect(parseInPieces('f', text)).toEqual(parseWhole('f', text));
  });
});
