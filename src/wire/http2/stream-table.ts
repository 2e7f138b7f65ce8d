/**
 * The streams of one connection: those that are open, and how the latest ones ended. The latter
 * decides what a late frame means: the peer cannot know at once that this side has ended a stream.
 */
import { OpenStreams } from './open-streams.ts';
import type { Http2Stream } from './stream.ts';

export const Ending = {
  /** Never opened, or too long ago to be remembered. */
  UNKNOWN: 0,
  /** Request and answer are complete. */
  COMPLETE: 1,
  RESET_BY_PEER: 2,
  /** The peer may have frames on their way, which are no error. */
  RESET_BY_US: 3,
} as const;
export type Ending = (typeof Ending)[keyof typeof Ending];

/** Endings remembered: more than a connection's frames in flight have streams, at 8 bytes each. */
const ENDINGS_MAX = 256;

export class StreamTable {
  /** Highest stream id seen. */
  lastId = 0;
  /** Streams that ended while a handler was at work for them, and still is. */
  #outlived = 0;
  /** The stream opened last while it is open; most end before the next, and go nowhere else. */
  #latest: Http2Stream | null = null;
  /** The others that are open. */
  readonly #older = new OpenStreams<Http2Stream>();
  /** By id modulo ENDINGS_MAX: the id's remaining bits and the ending, made at the first ending. */
  #endings: Float64Array | null = null;

  get openCount(): number {
    return this.#older.size + (this.#latest === null ? 0 : 1);
  }

  /** Streams that work goes on for. */
  get workCount(): number {
    return this.openCount + this.#outlived;
  }

  /** Bounded by concurrentStreamsMax. */
  *open(): Generator<Http2Stream> {
    yield* this.#older.values();
    if (this.#latest !== null) yield this.#latest;
  }

  get(id: number): Http2Stream | undefined {
    const latest = this.#latest;
    return latest !== null && latest.id === id ? latest : this.#older.get(id);
  }

  add(stream: Http2Stream): void {
    const latest = this.#latest;
    if (latest !== null) this.#older.add(latest);
    this.#latest = stream;
  }

  /** The stream is over for both sides. */
  close(stream: Http2Stream, ending: Ending): void {
    stream.isClosed = true;
    stream.outbox = null;
    if (this.#latest === stream) this.#latest = null;
    else this.#older.delete(stream);
    this.remember(stream.id, ending);
  }

  /** Ends the stream before its answer: its owner is told, and may hold the place. */
  abort(stream: Http2Stream, ending: Ending): void {
    this.close(stream, ending);
    if (stream.owner?.onAbort() !== true) return;
    this.#outlived++;
    stream.keepPlace(() => {
      this.#outlived--;
    });
  }

  remember(id: number, ending: Ending): void {
    this.#endings ??= new Float64Array(ENDINGS_MAX);
    this.#endings[slotOf(id)] = id * 4 + ending;
  }

  endingOf(id: number): Ending {
    const known = this.#endings?.[slotOf(id)] ?? 0;
    return Math.floor(known / 4) === id ? ((known % 4) as Ending) : Ending.UNKNOWN;
  }
}

/** Ids of requests are odd. */
function slotOf(id: number): number {
  return (id >>> 1) & (ENDINGS_MAX - 1);
}
