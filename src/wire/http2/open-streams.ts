/**
 * Streams by their id. A peer counts ids up, so the last bits of an id are a place of its own among
 * those open at the same time, and a stream that outlives many others moves to a Map.
 *
 * Why not a Map for all: V8 links each table that a Map has outgrown to the next one. Once one of them
 * is old, streams that have ended long ago stay in memory until a major collection: with a call of the
 * store between request and answer, a sixth of all memory used outlived its request.
 */
interface Numbered {
  /** Odd, as of all streams that clients open. */
  readonly id: number;
}

/** Powers of two: places at first, and at most, 8 KiB. */
const PLACES_MIN = 64;
const PLACES_MAX = 1024;

export class OpenStreams<Stream extends Numbered> {
  /** By the id's bits above the first, which is always set; empty until the first stream. */
  #places: (Stream | null)[] = [];
  /** Streams whose place a later one has. */
  readonly #outplaced = new Map<number, Stream>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    const stream = this.#places[this.#placeOf(id)];
    if (stream !== undefined && stream !== null && stream.id === id) return stream;
    return this.#outplaced.size === 0 ? undefined : this.#outplaced.get(id);
  }

  /** Its id is not there yet. */
  add(stream: Stream): void {
    if (this.#places.length === 0) this.#places = new Array<Stream | null>(PLACES_MIN).fill(null);
    let at = this.#placeOf(stream.id);
    while (this.#places[at] !== null && this.#places.length < PLACES_MAX) {
      this.#widen();
      at = this.#placeOf(stream.id);
    }
    const before = this.#places[at] as Stream | null;
    if (before !== null) this.#outplaced.set(before.id, before);
    this.#places[at] = stream;
    this.#size += 1;
  }

  delete(stream: Stream): void {
    const at = this.#placeOf(stream.id);
    if (this.#places[at] === stream) this.#places[at] = null;
    else if (!this.#outplaced.delete(stream.id)) return;
    this.#size -= 1;
  }

  *values(): Generator<Stream> {
    yield* this.#outplaced.values();
    for (const stream of this.#places) if (stream !== null) yield stream;
  }

  #placeOf(id: number): number {
    return (id >>> 1) & (this.#places.length - 1);
  }

  /** Streams that had a place each have one among twice as many. */
  #widen(): void {
    const before = this.#places;
    this.#places = new Array<Stream | null>(before.length * 2).fill(null);
    for (const stream of before) {
      if (stream !== null) this.#places[this.#placeOf(stream.id)] = stream;
    }
  }
}
