/**
 * A server that runs as a child process of a test: its output is kept for error messages, its end can
 * be awaited, and it never outlives the test process.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** Output kept per child: enough for a whole test's log, bounded in case a child runs wild. */
const OUTPUT_BYTES_MAX = 4_000_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
// So vitest ends the process of a test that timed out: by itself that is no 'exit'.
process.once('SIGTERM', () => process.exit());

export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  #output = '';
  #exit: Exit | null = null;
  /** Resolves when the process has ended and its output is complete. */
  readonly exited: Promise<Exit>;

  constructor(options: ChildOptions) {
    const [file, ...args] = options.command as [string, ...string[]];
    this.#name = file.split('/').at(-1) as string;
    this.#process = spawn(file, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
    alive.add(this.#process);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        if (this.#output.length < OUTPUT_BYTES_MAX) this.#output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        alive.delete(this.#process);
        this.#exit = { code, signal };
        resolve(this.#exit);
      };
      this.#process.once('close', ended);
      this.#process.once('error', (error) => {
        this.#output += String(error);
        ended(null, null);
      });
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** What it wrote to both streams so far. */
  get output(): string {
    return this.#output;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Polls `isReady` until it holds. Rejects when the process ends first, or after `deadlineMs`. */
  async ready(isReady: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
    const giveUpAt = performance.now() + deadlineMs;
    while (!(await isReady().catch(() => false))) {
      if (this.#exit !== null) throw this.#failure(`ended with ${JSON.stringify(this.#exit)}`);
      if (performance.now() > giveUpAt) throw this.#failure(`was not ready in ${deadlineMs} ms`);
      await pause(20);
    }
  }

  /** Sends `signal` and awaits the end; after `deadlineMs` ends it by force and rejects. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', deadlineMs = 15_000): Promise<Exit> {
    if (this.#exit !== null) return this.#exit;
    this.#process.kill(signal);
    const late = setTimeout(() => this.#process.kill('SIGKILL'), deadlineMs);
    const exit = await this.exited;
    clearTimeout(late);
    if (exit.signal === 'SIGKILL' && signal !== 'SIGKILL') {
      throw this.#failure(`did not stop on ${signal} in ${deadlineMs} ms`);
    }
    return exit;
  }

  #failure(what: string): Error {
    return new Error(`${this.#name} ${what}; it wrote:\n${this.#output.slice(-4_000)}`);
  }
}

/** Resolves after `ms`; for polling what another process cannot announce. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls `read` until `isDone` accepts what it read, and returns that; rejects after `deadlineMs`. */
export async function until<T>(
  read: () => Promise<T> | T,
  isDone: (value: T) => boolean,
  deadlineMs = 5_000,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const value = await read();
    if (isDone(value)) return value;
    if (performance.now() > giveUpAt) {
      throw new Error(`still ${JSON.stringify(value)} after ${deadlineMs} ms`);
    }
    await pause(20);
  }
}
