/**
 * Puts header blocks together and reads them. A block must be read even when its stream is of no
 * interest, or the tables of both sides fall out of step.
 */
import type { ConnectionState } from './connection-state.ts';
import type { Frame } from './frame-reader.ts';
import { HeaderBlockCache } from './header-block-cache.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { FieldList } from './hpack/field-list.ts';
import { ErrorCode, Flag } from './protocol.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

/** What a block turned out to be, when it is no good head. */
export const BlockFault = { MALFORMED: 'malformed', TOO_LARGE: 'too large' } as const;
export type BlockFault = (typeof BlockFault)[keyof typeof BlockFault];

export class HeaderBlocks {
  readonly #state: ConnectionState;
  readonly #decoder: HpackDecoder;
  readonly #list: FieldList;
  readonly #cache = new HeaderBlockCache();
  /** The block that CONTINUATION frames go on with. */
  #held: Uint8Array = new Uint8Array(0);
  #continuations = 0;
  /** Stream of the block being put together; 0 when there is none. */
  streamId = 0;
  /** END_STREAM of the HEADERS frame that began it. */
  endsStream = false;
  beganMs = 0;

  constructor(state: ConnectionState) {
    this.#state = state;
    this.#decoder = new HpackDecoder(state.limits.hpackTableBytesMax);
    this.#list = new FieldList(state.limits.headerListBytesMax);
  }

  /** Keeps the first part, the payload of a HEADERS frame without END_HEADERS. */
  begin(frame: Frame): void {
    this.streamId = frame.streamId;
    this.endsStream = (frame.flags & Flag.END_STREAM) !== 0;
    this.beganMs = this.#state.nowMs;
    this.#continuations = 0;
    this.#held = frame.bytes.slice(frame.start, frame.end);
  }

  /** Adds a CONTINUATION frame's payload; fails the connection beyond the bounds. */
  proceed(frame: Frame): void {
    const { continuationFramesMax, headerBlockBytesMax } = this.#state.limits;
    const length = this.#held.length + frame.end - frame.start;
    if (++this.#continuations > continuationFramesMax || length > headerBlockBytesMax) {
      this.#state.counters.headersTooLarge++;
      this.#state.fail(ErrorCode.ENHANCE_YOUR_CALM, 'header block too large');
      return;
    }
    const whole = new Uint8Array(length);
    whole.set(this.#held);
    whole.set(frame.bytes.subarray(frame.start, frame.end), this.#held.length);
    this.#held = whole;
  }

  /** The block that is complete now. */
  take(): Uint8Array {
    const block = this.#held;
    this.#held = new Uint8Array(0);
    this.streamId = 0;
    return block;
  }

  /** Reads a request's head; null after the connection has failed. */
  readHead(bytes: Uint8Array, start: number, end: number): RequestHead | BlockFault | null {
    const { generation } = this.#decoder;
    const known = this.#cache.find(bytes, start, end, generation);
    if (known !== null) return known;
    const fault = this.#decode(bytes, start, end);
    if (fault !== '') return fault;
    const head = parseRequestHead(this.#list.fields);
    // A connection at rest keeps no fields but those of its table and of heads that may come again.
    this.#list.clear();
    if (head === null) return BlockFault.MALFORMED;
    if (generation === this.#decoder.generation) {
      this.#cache.add(bytes.subarray(start, end), generation, head);
    }
    return head;
  }

  /** Reads trailers, or a block of no interest; null after the connection has failed. */
  readTrailers(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): FieldList['fields'] | BlockFault | null {
    const fault = this.#decode(bytes, start, end);
    return fault === '' ? this.#list.fields : fault;
  }

  #decode(bytes: Uint8Array, start: number, end: number): BlockFault | '' | null {
    const { counters } = this.#state;
    counters.headerBlocksDecoded++;
    this.#list.clear();
    if (!this.#decoder.decode(bytes, start, end, this.#list)) {
      this.#state.fail(ErrorCode.COMPRESSION_ERROR, 'broken header block');
      return null;
    }
    if (!this.#list.isTooLarge) return '';
    counters.headersTooLarge++;
    return BlockFault.TOO_LARGE;
  }
}
