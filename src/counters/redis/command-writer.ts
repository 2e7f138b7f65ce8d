/**
 * Commands as bytes, as Redis's protocol has them (RESP): each argument with its length before it. The client
 * would make a string of them, several pieces for each argument, and that into bytes: a third of what a charge
 * costs. Keys are written here as they are kept, in two pieces, which are never joined.
 *
 * One writer is used again and again: `start` begins a command, whose first argument is its name, and `finish`
 * gives it in memory of its own, for a WrittenCommand.
 */

/** Kept between commands; a hundred charges take 6 KiB. */
const ROOM_BYTES = 64 * 1024;
/** Five times what the characters of a call may take (redis-options.ts), or one request may bring. */
const BYTES_MAX = 64 * 1024 * 1024;
/** `$`, ten digits and twice the line's end, and once more behind the argument. */
const FRAME_BYTES_MAX = 16;
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;
/** Longer text is written faster by a call into the runtime than unit by unit. */
const SHORT_UNITS = 128;
/** Kept before the arguments for their number: `*`, ten digits and the line's end. */
const HEAD_BYTES = 13;
const LINE_END_BYTES = 2;
const RETURN = 13;
const NEWLINE = 10;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;

export class CommandWriter {
  #room = Buffer.allocUnsafeSlow(ROOM_BYTES);
  #at = HEAD_BYTES;
  #count = 0;

  start(): void {
    if (this.#room.length > ROOM_BYTES) this.#room = Buffer.allocUnsafeSlow(ROOM_BYTES);
    this.#at = HEAD_BYTES;
    this.#count = 0;
  }

  /** Arguments since `start`. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of these. */
  get size(): number {
    return this.#at - HEAD_BYTES;
  }

  /** One argument, of two pieces in a row. Throws a RangeError beyond BYTES_MAX. */
  text(first: string, second = ''): void {
    const units = first.length + second.length;
    const start = this.#at;
    this.#reserve(units * UTF8_BYTES_PER_UNIT + FRAME_BYTES_MAX);
    if (units > SHORT_UNITS) this.#anyText(first + second);
    else {
      this.#length(units);
      if (!this.#ascii(first) || !this.#ascii(second)) {
        this.#at = start;
        this.#anyText(first + second);
      }
    }
    this.#endLine();
    this.#count += 1;
  }

  /** A whole number, as text. */
  integer(value: number): void {
    // Nearly every one: hits and sizes of one digit.
    if (value >= 0 && value <= 9) this.#digit(value);
    else this.text(String(value));
  }

  /** So many arguments, as they were written before. */
  written(count: number, bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#at += bytes.copy(this.#room, this.#at);
    this.#count += count;
  }

  finish(): Buffer {
    const end = this.#at;
    const digits = String(this.#count);
    const from = HEAD_BYTES - digits.length - LINE_END_BYTES - 1;
    this.#room[from] = STAR;
    this.#at = from + 1;
    this.#ascii(digits);
    this.#endLine();
    const command = Buffer.allocUnsafe(end - from);
    this.#room.copy(command, 0, from, end);
    this.#at = end;
    return command;
  }

  #digit(value: number): void {
    this.#reserve(FRAME_BYTES_MAX);
    this.#length(1);
    this.#room[this.#at] = ZERO + value;
    this.#at += 1;
    this.#endLine();
    this.#count += 1;
  }

  #length(bytes: number): void {
    this.#room[this.#at] = DOLLAR;
    this.#at += 1;
    if (bytes < 10) {
      this.#room[this.#at] = ZERO + bytes;
      this.#at += 1;
    } else this.#ascii(String(bytes));
    this.#endLine();
  }

  #endLine(): void {
    const at = this.#at;
    this.#room[at] = RETURN;
    this.#room[at + 1] = NEWLINE;
    this.#at = at + LINE_END_BYTES;
  }

  /** False when there is more in it than ASCII; then what was written means nothing. */
  #ascii(text: string): boolean {
    const room = this.#room;
    const at = this.#at;
    for (let i = 0; i < text.length; i += 1) {
      // Keys are strings of several kinds to V8: a method found anew for each costs ten times as much.
      const unit = String.prototype.charCodeAt.call(text, i);
      if (unit > 0x7f) return false;
      room[at + i] = unit;
    }
    this.#at = at + text.length;
    return true;
  }

  /** A lone surrogate becomes U+FFFD. */
  #anyText(text: string): void {
    this.#length(Buffer.byteLength(text));
    this.#at += this.#room.write(text, this.#at);
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#room.length) return;
    if (needed > BYTES_MAX) throw new RangeError(`a command of more than ${BYTES_MAX} bytes`);
    const doubled = Math.min(this.#room.length * 2, BYTES_MAX);
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, doubled));
    this.#room.copy(larger, 0, 0, this.#at);
    this.#room = larger;
  }
}
