/**
 * One call of a script on its way out: EVALSHA, and EVAL with the same arguments where the server does not
 * know the script.
 */
import type { Redis } from 'ioredis';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import { CommandWriter, type WrittenArguments } from './command-writer.ts';
import type { Script } from './scripts/load.ts';
import { WrittenCommand } from './written-command.ts';

/** Writing never pauses, so one writer serves all. */
const writer = new CommandWriter();

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
  /** Once they are written. */
  #arguments: WrittenArguments | null = null;

  constructor(script: Script, call: RedisCall) {
    this.#script = script;
    this.#call = call;
  }

  /** The reply; rejects with NotSent, NotConnected, or what the client says. Never throws. */
  send(redis: Redis | null, name: 'evalsha' | 'eval'): Promise<unknown> {
    // The client refuses what it does not send with errors that do not tell it from what it sent.
    if (redis?.status !== 'ready') return Promise.reject(new NotConnected());
    try {
      this.#arguments ??= this.#written();
      const script = name === 'eval' ? this.#script.text : this.#script.sha;
      const command = new WrittenCommand([name, script], this.#arguments);
      // It holds for the next command alone; that one tells when the connection is lost.
      if (this.#call.isAsking === true) redis.call('asking', []).catch(() => {});
      return redis.sendCommand(command) as Promise<unknown>;
    } catch (error) {
      return Promise.reject(new NotSent('', { cause: error }));
    }
  }

  #written(): WrittenArguments {
    writer.start();
    this.#call.encode(writer);
    return writer.finish();
  }
}
