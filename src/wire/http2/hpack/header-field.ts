/**
 * One header field, judged once when it is made: a field in a table is sent again and again, and
 * what RFC 9113 (8.2, 8.3) says about its name and value does not change between times.
 */

/** What a field is to a request. */
export const FieldKind = {
  REGULAR: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  /** A name or value that HTTP/2 does not allow in a request: the request is malformed. */
  MALFORMED: 5,
  CONTENT_LENGTH: 6,
} as const;
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/** RFC 7541, 4.1: what an entry costs beside its texts. */
const ENTRY_BYTES = 32;

const SPECIAL_NAMES: ReadonlyMap<string, FieldKind> = new Map([
  [':method', FieldKind.METHOD],
  [':scheme', FieldKind.SCHEME],
  [':authority', FieldKind.AUTHORITY],
  [':path', FieldKind.PATH],
  ['content-length', FieldKind.CONTENT_LENGTH],
  // RFC 9113, 8.2.2: fields about one connection of HTTP/1 have no place here.
  ['connection', FieldKind.MALFORMED],
  ['proxy-connection', FieldKind.MALFORMED],
  ['keep-alive', FieldKind.MALFORMED],
  ['transfer-encoding', FieldKind.MALFORMED],
  ['upgrade', FieldKind.MALFORMED],
]);

const REGULAR_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** No NUL, CR or LF anywhere, no blank at either end. */
const VALUE = /^(?![ \t])[^\0\r\n]*(?<![ \t])$/;

export class HeaderField {
  /** One character a byte, as `value` is. */
  readonly name: string;
  readonly value: string;
  readonly kind: FieldKind;
  /** Bytes by the measure of RFC 7541, 4.1, the same as of RFC 9113's header list. */
  readonly size: number;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + ENTRY_BYTES;
    this.kind = kindOf(name, value);
  }
}

/**
 * Both texts are tested, whatever becomes of the field: they were put together by character, which takes
 * thirty times their length until an expression has read them, and they may stay in a table.
 */
function kindOf(name: string, value: string): FieldKind {
  const isRegular = REGULAR_NAME.test(name);
  if (!VALUE.test(value)) return FieldKind.MALFORMED;
  const special = SPECIAL_NAMES.get(name);
  if (special === FieldKind.PATH && value === '') return FieldKind.MALFORMED;
  if (special !== undefined) return special;
  if (name === 'te' && value !== 'trailers') return FieldKind.MALFORMED;
  return isRegular ? FieldKind.REGULAR : FieldKind.MALFORMED;
}
