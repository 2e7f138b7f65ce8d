/** Ids of a stream's entries: milliseconds of Redis's clock and a number within them, `1795000000000-0`. */

/** Before all entries. */
export const FIRST_ID = '0-0';
/** The last number within a millisecond. */
const LAST_NUMBER = '18446744073709551615';
const ID = /^(\d{1,15})(?:-(\d{1,15}))?$/;
const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** What a person names: an id, its milliseconds alone, or a time such as 2026-11-24T10:00Z. Else null. */
export function parseId(word: string): string | null {
  const [, ms, number = '0'] = ID.exec(word) ?? [];
  if (ms !== undefined) return `${Number(ms)}-${Number(number)}`;
  const time = TIME.test(word) ? Date.parse(word) : Number.NaN;
  return time >= 0 ? `${time}-0` : null;
}

/** The id before: who asks for what follows it gets `id` too. */
export function idBefore(id: string): string {
  const [ms, number] = partsOf(id);
  if (number > 0) return `${ms}-${number - 1}`;
  return ms > 0 ? `${ms - 1}-${LAST_NUMBER}` : FIRST_ID;
}

/** So many milliseconds earlier. */
export function idEarlier(id: string, ms: number): string {
  return `${Math.max(0, msOf(id) - ms)}-0`;
}

/** By Redis's clock: when the entry was written. */
export function msOf(id: string): number {
  return partsOf(id)[0];
}

/** The later one. */
export function laterId(a: string, b: string): string {
  const [msA, numberA] = partsOf(a);
  const [msB, numberB] = partsOf(b);
  return msA > msB || (msA === msB && numberA >= numberB) ? a : b;
}

/** Numbers beyond 2^53 are of no entry that anybody writes. */
function partsOf(id: string): [ms: number, number: number] {
  const [ms = '', number = ''] = id.split('-');
  return [Number(ms) || 0, Number(number) || 0];
}
