import { describe, expect, it } from 'vitest';
import { FieldKind, HeaderField } from '../../../../src/wire/http2/hpack/header-field.ts';

describe('a header field', () => {
  it.each([
    ['grpc-timeout', '20m', FieldKind.REGULAR],
    [':method', 'POST', FieldKind.METHOD],
    [':scheme', 'http', FieldKind.SCHEME],
    [':authority', '', FieldKind.AUTHORITY],
    [':path', '/a', FieldKind.PATH],
    ['content-length', '5', FieldKind.CONTENT_LENGTH],
    ['te', 'trailers', FieldKind.REGULAR],
    ['x', 'caf\u00e9', FieldKind.REGULAR],
    [':path', '', FieldKind.MALFORMED],
    [':status', '200', FieldKind.MALFORMED],
    [':other', 'x', FieldKind.MALFORMED],
    ['', 'x', FieldKind.MALFORMED],
    ['Upper', 'x', FieldKind.MALFORMED],
    ['a b', 'x', FieldKind.MALFORMED],
    ['te', 'gzip', FieldKind.MALFORMED],
    ['connection', 'close', FieldKind.MALFORMED],
    ['upgrade', 'x', FieldKind.MALFORMED],
    ['x', 'a\r\nb', FieldKind.MALFORMED],
    ['x', 'a\0', FieldKind.MALFORMED],
    ['x', ' a', FieldKind.MALFORMED],
    ['x', 'a\t', FieldKind.MALFORMED],
  ])('%j: %j is of kind %i', (name, value, kind) => {
    expect(new HeaderField(name, value).kind).toBe(kind);
  });

  it('costs its texts and 32 bytes', () => {
    expect(new HeaderField('abc', 'de').size).toBe(37);
  });
});
