/**
 * A command for the client that is bytes already (command-writer.ts), and which nothing outlives.
 *
 * The client gives each command of its own a `reject` by assigning a function literal to a property. V8
 * puts such a function straight into the old generation, taking it for one that stays. It holds the
 * command; so that, its arguments and its reply stayed in memory until the old generation was collected,
 * seconds later, and each collection of the young one took five times as long, with every request waiting.
 * Here both functions are the promise's own.
 */
import { Command } from 'ioredis';

export class WrittenCommand extends Command {
  readonly #bytes: Buffer;

  /** `bytes` are the whole of it, its name too; the client asks its name what kind of command it is. */
  constructor(name: string, bytes: Buffer) {
    super(name, [], { replyEncoding: null });
    this.#bytes = bytes;
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
