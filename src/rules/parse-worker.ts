/**
 * The main thread's side of the loading thread: starts it, asks it, and turns whatever may happen to a
 * thread (crash, no memory, no end) into one error with a text for the operator.
 *
 * The thread is kept between loads, because starting it takes longer than loading a small directory. A
 * load of much text ends it, so that its memory goes back.
 */
import { Worker } from 'node:worker_threads';
import type { DescriptorConfig } from '../core/rules/limits-file.ts';
import { decodeSlice } from './descriptor-slice.ts';
import type { ParseJob, Question, Reply } from './parse-protocol.ts';

/** A directory at its bounds takes about a minute on a slow core; beyond this nothing will come. */
const LOAD_MS_MAX = 180_000;

/** A thread that waits for a disk ends when the disk answers; nobody waits for that. */
const END_MS_MAX = 1000;

/** A file at its bound takes 1.3 GB while it is parsed, only for that time and only in the thread. */
const RESOURCES = { maxOldGenerationSizeMb: 2048, maxYoungGenerationSizeMb: 64, stackSizeMb: 4 };

/** Characters of all files up to which a thread is kept: some 20 MB of its memory. */
const KEPT_TEXT_MAX = 256 * 1024;

type Checked = Extract<Reply, { kind: 'checked' }>;
type Slice = Extract<Reply, { kind: 'slice' }>;

/** Why the thread could not do its work; the message is for the operator. */
export class ParseFailure extends Error {}

export class ParseWorker {
  readonly #worker: Worker;
  #timer: NodeJS.Timeout | undefined;
  #failure: ParseFailure | null = null;
  #textLength = 0;
  #waiting: { resolve(reply: Reply): void; reject(error: ParseFailure): void } | null = null;

  /** `script` is for tests: a thread that speaks parse-protocol.ts. */
  constructor(script = loadingScript()) {
    this.#worker = new Worker(script, { resourceLimits: RESOURCES, name: 'limits' });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error: Error) => this.#fail(error.message));
    this.#worker.on('exit', () => this.#fail('the thread ended'));
  }

  /** False after a failure and after much text: then close it and take a new one for the next load. */
  get isReusable(): boolean {
    return this.#failure === null && this.#textLength <= KEPT_TEXT_MAX;
  }

  /** Begins a load, which `rest` or `close` ends. Rejects with ParseFailure. */
  async check(job: ParseJob): Promise<Checked> {
    this.#timer = setTimeout(() => {
      this.#fail(`no end after ${LOAD_MS_MAX / 1000} s`);
      void this.close();
    }, LOAD_MS_MAX);
    const checked = (await this.#ask({ kind: 'check', job })) as Checked;
    this.#textLength = checked.textLength;
    return checked;
  }

  /** The descriptors of good files, one file after the other, in slices. Rejects with ParseFailure. */
  async *descriptors(files: readonly string[]): AsyncGenerator<Iterable<DescriptorConfig>> {
    let reply = (await this.#ask({ kind: 'open', files })) as Slice;
    while (true) {
      yield decodeSlice(reply.slice);
      if (reply.isLast) return;
      reply = (await this.#ask({ kind: 'next' })) as Slice;
    }
  }

  /** Ends a load and keeps the thread for the next. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Resolves when the thread has ended, after END_MS_MAX at the latest. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#fail('the load was given up');
    let deadline: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, END_MS_MAX);
    });
    await Promise.race([this.#worker.terminate(), timeUp]);
    clearTimeout(deadline);
    this.#worker.unref();
  }

  #ask(question: Question): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#waiting = { resolve, reject };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      this.#worker.postMessage(question);
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(reply);
  }

  #fail(why: string): void {
    this.#failure ??= new ParseFailure(`the limits could not be loaded: ${why}`);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#failure);
  }
}

function loadingScript(): URL {
  const script = import.meta.url.endsWith('.ts') ? './parse-thread.ts' : './parse-thread.js';
  return new URL(script, import.meta.url);
}
