/** The log's end: one record at a time, each on the disk before the next begins. */

import type { LogIndex } from '../../core/raft/log-entry.ts';
import type { Disk, DiskFile } from './disk.ts';
import { writeAll } from './durable-writes.ts';
import { segmentName } from './file-names.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { encodeRecord, type LogRecord } from './log-record.ts';
import { placeOf } from './log-replay.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment.ts';
import type { SegmentSpans } from './segment-spans.ts';
import type { StorageBounds } from './storage-bounds.ts';
import { StorageError } from './storage-error.ts';

export interface LogEnd {
  readonly disk: Disk;
  readonly bounds: StorageBounds;
  readonly spans: SegmentSpans;
  /** The active segment, which ends with the record before `nextNumber`. */
  readonly file: DiskFile;
  readonly nextNumber: number;
  /** Of its entries; 0 is none. */
  readonly lastIndex: LogIndex;
}

export class LogWriter {
  readonly #disk: Disk;
  readonly #bounds: StorageBounds;
  readonly #spans: SegmentSpans;
  #file: DiskFile;
  #nextNumber: number;
  #lastIndex: LogIndex;

  constructor({ disk, bounds, spans, file, nextNumber, lastIndex }: LogEnd) {
    this.#disk = disk;
    this.#bounds = bounds;
    this.#spans = spans;
    this.#file = file;
    this.#nextNumber = nextNumber;
    this.#lastIndex = lastIndex;
  }

  /**
   * Resolves when the record is on the disk. `room`: bytes that the directory may still grow by.
   * After a failure nothing more may be appended: where the file ends is not known.
   */
  async append(record: LogRecord, room: number): Promise<void> {
    const lastIndex = this.#follow(record);
    const bytes = encodeRecord(record, this.#nextNumber);
    this.#checkSize(bytes.length, room);
    const size = this.#spans.active?.bytes ?? 0;
    const isFull = size + bytes.length > this.#bounds.segmentBytesMax;
    if (isFull && size > SEGMENT_HEADER_BYTES) await this.#begin(bytes);
    else {
      await writeAll(this.#file, bytes, size);
      await this.#file.sync();
    }
    this.#nextNumber++;
    this.#lastIndex = lastIndex;
    this.#spans.note(record, bytes.length);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** A segment with its first record. Its name is synced too, or a crash would lose both. */
  async #begin(first: Uint8Array): Promise<void> {
    const name = segmentName(this.#nextNumber);
    const header = encodeSegmentHeader(this.#nextNumber);
    const file = await this.#disk.create(name);
    const sealed = this.#file;
    this.#file = file;
    await sealed.close();
    await writeAll(file, Buffer.concat([header, first]), 0);
    await file.sync();
    await this.#disk.syncDirectory();
    this.#spans.begin(name);
  }

  /** The last index with this record. What would not be read back is not written. */
  #follow(record: LogRecord): LogIndex {
    const { truncateFrom, entries } = record;
    const last = Math.min(this.#lastIndex, (truncateFrom ?? Infinity) - 1);
    const first = entries[0]?.index ?? 0;
    const isGapless = entries.every(({ index }, i) => index === first + i);
    // An empty log begins behind the snapshot; in what is read back it may begin anywhere.
    const isBehind = last > 0 || first <= record.snapshot.index + 1;
    if (!isGapless || !isBehind || placeOf(record, last) === 'nowhere') {
      const what = `the entries from ${first} on do not follow ${last}`;
      throw new StorageError('misuse', what);
    }
    return entries.at(-1)?.index ?? last;
  }

  #checkSize(bytes: number, room: number): void {
    const { recordBytesMax, directoryBytesMax } = this.#bounds;
    if (bytes - FRAME_HEADER_BYTES > recordBytesMax) {
      throw new StorageError('too-large', `a record of ${bytes} bytes, ${recordBytesMax} at most`);
    }
    if (bytes + SEGMENT_HEADER_BYTES > room) {
      throw new StorageError(
        'too-large',
        `the directory would pass its bound of ${directoryBytesMax} bytes: no snapshot freed room ` +
          'for too long. The next start compacts the log.',
      );
    }
  }
}
