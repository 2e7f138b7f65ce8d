/**
 * A command for the client whose arguments are bytes already (command-writer.ts), and which nothing outlives.
 *
 * The client gives each command of its own a `reject` by assigning a function literal to a property. V8
 * puts such a function straight into the old generation, taking it for one that stays. It holds the
 * command; so that, its arguments and its reply stayed in memory until the old generation was collected,
 * seconds later, and each collection of the young one took five times as long, with every request waiting.
 * Here both functions are the promise's own.
 */
import { Command } from 'ioredis';
import type { WrittenArguments } from './command-writer.ts';

export class WrittenCommand extends Command {
  readonly #bytes: Buffer;

  /** `words` come first: its name, and arguments that are few and short or the same each time. */
  constructor(words: readonly [string, ...string[]], { count, bytes }: WrittenArguments) {
    super(words[0], [], { replyEncoding: null });
    const head = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
    this.#bytes = Buffer.concat([Buffer.from(`*${words.length + count}\r\n${head}`), bytes]);
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

// The client's types keep it to themselves. Its own also converts arguments and replies, of which there
// are none to convert, and clears timers that are never set (peer-options.ts).
Object.defineProperty(WrittenCommand.prototype, 'initPromise', {
  value: function initPromise(this: WrittenCommand): void {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  },
});
