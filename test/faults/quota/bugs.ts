/**
 * Bugs that a service can be started with, to see that the scenes find them: each is one line of the code that
 * shares out limits, written wrongly.
 */
export interface QuotaBug {
  /** End of the file's address. */
  readonly file: string;
  /** Once in the file. */
  readonly right: string;
  readonly wrong: string;
}

export const QUOTA_BUGS = {
  /** A replica that has had a lease goes on for ever. */
  'a lease never ends': {
    file: '/src/core/quota/lease-clock.ts',
    right: 'return now + this.#gained + (offset - this.#offsetMin) < this.#until;',
    wrong: 'return this.#until > 0;',
  },
  /** The ledger writes down half of what it gives of a count. */
  'granted twice': {
    file: '/src/core/quota/count-book.ts',
    right: 'this.taken += given;',
    wrong: 'this.taken += Math.ceil(given / 2);',
  },
  /** What the sessions of before may still spend is given to others at once. */
  'a new leader does not wait': {
    file: '/src/core/quota/options.ts',
    right: 'faults: new Set()',
    wrong: "faults: new Set(['new-leader-does-not-wait'])",
  },
} as const satisfies Readonly<Record<string, QuotaBug>>;

export type QuotaBugName = keyof typeof QUOTA_BUGS;

/** Throws when the line is not there, or twice: a bug that is none would prove nothing. */
export function broken(source: string, { file, right, wrong }: QuotaBug): string {
  const found = source.split(right).length - 1;
  if (found !== 1) throw new Error(`${file} has ${found} times "${right}"`);
  return source.replace(right, () => wrong);
}
