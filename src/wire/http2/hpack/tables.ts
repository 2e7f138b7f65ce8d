/**
 * The two tables that HPACK indexes point into (RFC 7541, 2.3): the static one, and the dynamic one,
 * a ring of the newest fields whose sizes add up to a bound.
 */
import { HeaderField } from './header-field.ts';

/** Appendix A: `name` or `name=value`, index 1 first. */
const STATIC_TEXTS =
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|' +
  ':status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500|' +
  'accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|' +
  'access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|' +
  'content-encoding|content-language|content-length|content-location|content-range|content-type|' +
  'cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|' +
  'if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|' +
  'proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|' +
  'strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate';

export const STATIC_FIELDS: readonly HeaderField[] = STATIC_TEXTS.split('|').map((text) => {
  const at = text.indexOf('=');
  return at < 0
    ? new HeaderField(text, '')
    : new HeaderField(text.slice(0, at), text.slice(at + 1));
});

/** Slots of a table's first field; it doubles from there, so that idle connections stay small. */
const SLOTS_AT_FIRST = 16;

export class DynamicTable {
  /** What SETTINGS_HEADER_TABLE_SIZE allows the peer. */
  readonly bytesAllowed: number;
  #bytesMax: number;
  #bytes = 0;
  #ring: (HeaderField | undefined)[] = [];
  /** Slot of the newest field. */
  #newest = 0;
  #count = 0;
  #generation = 0;

  constructor(bytesAllowed: number) {
    this.bytesAllowed = bytesAllowed;
    this.#bytesMax = bytesAllowed;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Rises with every change: the same index means the same field while it stays. */
  get generation(): number {
    return this.#generation;
  }

  /** `age` 0 is the newest; undefined beyond the oldest. */
  get(age: number): HeaderField | undefined {
    if (age >= this.#count) return undefined;
    return this.#ring[(this.#newest - age) & (this.#ring.length - 1)];
  }

  /** Evicts the oldest until the field fits; one larger than the table empties it (4.4). */
  add(field: HeaderField): void {
    this.#generation++;
    this.#evict(this.#bytesMax - field.size);
    if (field.size > this.#bytesMax) return;
    if (this.#count === this.#ring.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#ring.length - 1);
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#bytes += field.size;
  }

  /** A size update (6.3): false when it asks for more than is allowed. */
  resize(bytesMax: number): boolean {
    if (bytesMax > this.bytesAllowed) return false;
    this.#generation++;
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
    return true;
  }

  #evict(bytesLeft: number): void {
    while (this.#count > 0 && this.#bytes > bytesLeft) {
      const oldest = (this.#newest - this.#count + 1) & (this.#ring.length - 1);
      this.#bytes -= (this.#ring[oldest] as HeaderField).size;
      this.#ring[oldest] = undefined;
      this.#count--;
    }
  }

  /** Bounded: no entry takes less than 32 bytes of the table's bound (RFC 7541, 4.1). */
  #grow(): void {
    const ring = new Array<HeaderField | undefined>(
      Math.max(SLOTS_AT_FIRST, this.#ring.length * 2),
    ).fill(undefined);
    for (let i = 0; i < this.#count; i++) ring[i] = this.get(this.#count - 1 - i);
    this.#ring = ring;
    this.#newest = Math.max(this.#count - 1, 0);
  }
}
