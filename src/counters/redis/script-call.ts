/**
 * One call of a script on its way out: EVALSHA, and EVAL with the same arguments where the server does not
 * know the script.
 */
import type { Redis } from 'ioredis';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import { CommandWriter } from './command-writer.ts';
import type { Script } from './scripts/load.ts';
import { WrittenCommand } from './written-command.ts';

/** Writing never pauses, so one writer serves all. */
const writer = new CommandWriter();
const NO_BYTES = Buffer.alloc(0);

export interface RedisCall {
  /** For metrics and log: what is asked; one of ERROR_COMMANDS. */
  readonly command?: string;
  /** A slot that is being moved to this node of a cluster is meant: ASKING goes before it. */
  readonly isAsking?: boolean;
  /** Of the script: number of keys, keys, arguments. */
  encode(to: CommandWriter): void;
}

/** Holds what encoding or sending threw: the call has not left the process. */
export class NotSent extends Error {
  get failure(): StoreFailure {
    const { cause } = this;
    const text = cause instanceof Error ? cause.message : String(cause);
    return { code: 'overloaded', text: `redis: not sent: ${text}` };
  }
}

/** There is no connection that the call could have left by. */
export class NotConnected extends Error {}

export class ScriptCall {
  readonly #script: Script;
  readonly #call: RedisCall;
  /** The command as it was sent, which ends with the script's arguments. */
  #bytes: Buffer = NO_BYTES;
  #arguments = 0;
  #argumentBytes = 0;

  constructor(script: Script, call: RedisCall) {
    this.#script = script;
    this.#call = call;
  }

  /** The reply; rejects with NotSent, NotConnected, or what the client says. Never throws. */
  send(redis: Redis | null): Promise<unknown> {
    return this.#sent(redis, 'evalsha', () => {
      writer.text(this.#script.sha);
      const { count, size } = writer;
      this.#call.encode(writer);
      this.#arguments = writer.count - count;
      this.#argumentBytes = writer.size - size;
    });
  }

  /** The same with the script itself, after `send` was refused. Who called may have other charges by now. */
  sendWhole(redis: Redis | null): Promise<unknown> {
    return this.#sent(redis, 'eval', () => {
      writer.text(this.#script.text);
      writer.written(this.#arguments, this.#bytes.subarray(-this.#argumentBytes));
    });
  }

  #sent(redis: Redis | null, name: string, write: () => void): Promise<unknown> {
    // The client refuses what it does not send with errors that do not tell it from what it sent.
    if (redis?.status !== 'ready') return Promise.reject(new NotConnected());
    try {
      writer.start();
      writer.text(name);
      write();
      this.#bytes = writer.finish();
      // It holds for the next command alone; that one tells when the connection is lost.
      if (this.#call.isAsking === true) redis.call('asking', []).catch(() => {});
      return redis.sendCommand(new WrittenCommand(name, this.#bytes)) as Promise<unknown>;
    } catch (error) {
      return Promise.reject(new NotSent('', { cause: error }));
    }
  }
}
