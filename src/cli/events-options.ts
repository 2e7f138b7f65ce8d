/** What `weir events` was asked for. */
import { parseArgs } from 'node:util';
import { EVENT_KINDS, type EventKind } from '../core/events/event.ts';
import type { DurationMs } from '../core/time.ts';
import { FIRST_ID, parseId } from '../events/stream-id.ts';
import { FROM_NOW } from '../events/stream-reader.ts';

export interface EventsOptions {
  readonly kinds: readonly EventKind[];
  /** An id, or FROM_NOW. */
  readonly from: string;
  readonly follow: boolean;
  /** Infinity: all. */
  readonly countMax: number;
  readonly json: boolean;
  /** Null: it reads by itself. */
  readonly group: { readonly name: string; readonly consumer: string } | null;
  readonly claimAfterMs: DurationMs;
}

const FLAG = { type: 'boolean', default: false } as const;
const WORD = { type: 'string' } as const;
const OPTIONS = {
  kind: WORD,
  from: WORD,
  follow: FLAG,
  count: WORD,
  json: FLAG,
  group: WORD,
  consumer: WORD,
  'claim-after': WORD,
} as const;

/** Far longer than a reader holds entries back, and shorter than anybody waits for a dead one. */
const CLAIM_AFTER_MS = 60_000;
const CLAIM_AFTER_SECONDS_MIN = 5;
const CLAIM_AFTER_SECONDS_MAX = 7 * 24 * 3600;
/** Redis takes any text; a person tells these apart. */
const NAME = /^[\w.:@-]{1,200}$/;
const WHOLE = /^\d{1,12}$/;

/** A text says what is wrong. */
export function parseEventsOptions(words: readonly string[]): EventsOptions | string {
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...words], options: OPTIONS, allowPositionals: false }));
  } catch (error) {
    return (error as Error).message;
  }
  const word = (name: keyof typeof OPTIONS): string | null => {
    const value = values[name];
    return typeof value === 'string' ? value : null;
  };
  const kinds = kindsOf(word('kind'));
  if (kinds === null) return `--kind must be ${EVENT_KINDS.join(' or ')}, not '${word('kind')}'`;
  const from = fromOf(word('from'));
  if (from === null) {
    return `--from must be an id such as 1795000000000-0, a time such as 2026-11-24T10:00Z, or ${FROM_NOW}`;
  }
  const count = word('count');
  if (count !== null && (!WHOLE.test(count) || Number(count) === 0)) {
    return `--count must be a whole number from 1, not '${count}'`;
  }
  const group = groupOf(word('group'), word('consumer'));
  if (typeof group === 'string') return group;
  const claimAfterMs = claimAfterOf(word('claim-after'), group);
  if (typeof claimAfterMs === 'string') return claimAfterMs;
  return {
    kinds,
    from,
    follow: values['follow'] === true,
    countMax: count === null ? Infinity : Number(count),
    json: values['json'] === true,
    group,
    claimAfterMs,
  };
}

function kindsOf(word: string | null): readonly EventKind[] | null {
  if (word === null) return EVENT_KINDS;
  const kind = EVENT_KINDS.find((known) => known === word);
  return kind === undefined ? null : [kind];
}

function fromOf(word: string | null): string | null {
  if (word === null) return FIRST_ID;
  return word === FROM_NOW ? FROM_NOW : parseId(word);
}

function groupOf(name: string | null, consumer: string | null): EventsOptions['group'] | string {
  if (name === null && consumer === null) return null;
  if (name === null) return '--consumer needs --group';
  if (consumer === null) return '--group needs --consumer, a name that no other reader of it has';
  for (const word of [name, consumer]) {
    if (!NAME.test(word)) return `'${word}' is no name: letters, digits and _ . : @ -, at most 200`;
  }
  return { name, consumer };
}

function claimAfterOf(seconds: string | null, group: EventsOptions['group']): DurationMs | string {
  if (seconds === null) return CLAIM_AFTER_MS;
  if (group === null) return '--claim-after needs --group';
  const number = WHOLE.test(seconds) ? Number(seconds) : Number.NaN;
  if (number >= CLAIM_AFTER_SECONDS_MIN && number <= CLAIM_AFTER_SECONDS_MAX) return number * 1000;
  return (
    `--claim-after must be ${CLAIM_AFTER_SECONDS_MIN} to ${CLAIM_AFTER_SECONDS_MAX} seconds, ` +
    `not '${seconds}'`
  );
}
