/**
 * Notices changes of the limits directory. What counts is the signature of the directory, taken every
 * POLL_MS: that sees an edit, a rename, a deletion, a new file and a swapped link alike, on every file
 * system. Change notices of the system only make the next look come sooner.
 *
 * Before a change is reported the signature must stay the same for SETTLE_MS: editors and ConfigMap
 * updates write in several steps. A directory that never settles is reported all the same after
 * SETTLE_MS_MAX; a file caught half-written is then an error of that load, and the next one mends it.
 */
import { type LimitsDirectory, signatureOf } from './directory-walk.ts';
import { watchFolders } from './folder-notices.ts';

/** So that a change is seen within a second with no notice from the system at all. */
const POLL_MS = 400;
const SETTLE_MS = 50;
const SETTLE_MS_MAX = 400;
/** A look at thousands of files costs: looks are spaced so that they take a fifth of the time at most. */
const SPACING_PER_LOOK = 4;
/** Spacing of looks in a directory that is written to all the time. */
const SPACING_MS_MIN = 20;

export interface WatchOptions {
  readonly directory: LimitsDirectory;
  /** A symbolic link above the directory whose swap replaces everything (RUNTIME_WATCH_ROOT). */
  readonly watchRoot: string | null;
  /** Called after each change that settled. */
  readonly onChange: () => void;
}

export class DirectoryWatch {
  readonly #options: WatchOptions;
  #signature = '';
  #closeNotices: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #isClosed = false;
  #noticed = false;
  /** Earliest moment of the next look. */
  #notBefore = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Changes after this resolves are reported; take the first look at the files after it, not before. */
  async start(): Promise<void> {
    this.#signature = await signatureOf(this.#options.directory);
    if (this.#isClosed) return;
    this.#renewNotices();
    this.#lookIn(POLL_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#closeNotices();
  }

  #lookIn(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const wait = Math.max(delayMs, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => void this.#look(), wait);
  }

  #notice = (): void => {
    this.#noticed = true;
    if (!this.#isLooking) this.#lookIn(0);
  };

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#noticed = false;
    const startedAt = performance.now();
    const signature = await signatureOf(this.#options.directory);
    const now = performance.now();
    this.#notBefore = now + Math.max(SPACING_MS_MIN, (now - startedAt) * SPACING_PER_LOOK);
    if (signature !== this.#signature) {
      this.#signature = await this.#settle(signature);
      this.#renewNotices();
      if (!this.#isClosed) this.#options.onChange();
    }
    this.#isLooking = false;
    this.#lookIn(this.#noticed ? 0 : POLL_MS);
  }

  async #settle(changed: string): Promise<string> {
    const deadline = performance.now() + SETTLE_MS_MAX;
    let signature = changed;
    while (!this.#isClosed && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const next = await signatureOf(this.#options.directory);
      if (next === signature) break;
      signature = next;
    }
    return signature;
  }

  /** Folders come and go and links are swapped: what is listened to is renewed with each change. */
  #renewNotices(): void {
    this.#closeNotices();
    if (this.#isClosed) return;
    const { directory, watchRoot } = this.#options;
    this.#closeNotices = watchFolders(directory, watchRoot, this.#notice);
  }
}
