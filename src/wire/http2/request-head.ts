/**
 * The header fields of a request, checked as a whole (RFC 9113, 8.3.1): each pseudo-field once, all
 * before the ordinary fields, none missing. What makes a single field malformed is HeaderField's
 * business.
 */
import { FieldKind, type HeaderField } from './hpack/header-field.ts';

export class RequestHead {
  method = '';
  scheme = '';
  path = '';
  authority = '';
  /** The body's size as announced, or -1. */
  contentLength = -1;
  /** The ordinary fields in their order, content-length included. */
  readonly fields: HeaderField[] = [];
  /**
   * What the listener made of these fields, kept with them: callers repeat themselves, and the same
   * bytes come as the same head again and again.
   */
  memo: unknown = null;
}

/** More digits than any size that fits a bound; a number of them is still exact. */
const CONTENT_LENGTH = /^[0-9]{1,15}$/;

/** Null when the request is malformed. */
export function parseRequestHead(fields: readonly HeaderField[]): RequestHead | null {
  const head = new RequestHead();
  let seen = 0;
  for (const field of fields) {
    const { kind } = field;
    if (kind === FieldKind.MALFORMED) return null;
    if (kind === FieldKind.REGULAR || kind === FieldKind.CONTENT_LENGTH) {
      if (kind === FieldKind.CONTENT_LENGTH && !addContentLength(head, field.value)) return null;
      head.fields.push(field);
      continue;
    }
    const bit = 1 << kind;
    if ((seen & bit) !== 0 || head.fields.length > 0) return null;
    seen |= bit;
    addPseudo(head, field);
  }
  const isComplete = head.method !== '' && head.scheme !== '' && head.path !== '';
  return isComplete ? head : null;
}

/** Trailers hold no pseudo-fields. */
export function areTrailersValid(fields: readonly HeaderField[]): boolean {
  for (const { kind } of fields) {
    if (kind !== FieldKind.REGULAR && kind !== FieldKind.CONTENT_LENGTH) return false;
  }
  return true;
}

function addPseudo(head: RequestHead, { kind, value }: HeaderField): void {
  if (kind === FieldKind.METHOD) head.method = value;
  else if (kind === FieldKind.SCHEME) head.scheme = value;
  else if (kind === FieldKind.PATH) head.path = value;
  else head.authority = value;
}

/** Several are allowed when they agree. */
function addContentLength(head: RequestHead, value: string): boolean {
  if (!CONTENT_LENGTH.test(value)) return false;
  const length = Number(value);
  if (head.contentLength >= 0 && head.contentLength !== length) return false;
  head.contentLength = length;
  return true;
}
