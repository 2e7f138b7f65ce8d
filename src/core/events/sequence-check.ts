/**
 * What is missing from a stream, and what is in it twice. A source writes the events of a kind one batch
 * after another and repeats a batch that it does not know the fate of, so in the stream its numbers grow,
 * but for repetitions: what is not above the highest seen was there before, and what is left out will not
 * come any more.
 */
import type { RecordedEvent } from './event.ts';

/** Sources that are remembered: starts of processes, for as long as a stream reaches back. */
const SOURCES_MAX = 16_384;
/** Events that are remembered: a batch is repeated soon after it was written first. */
const SEEN_MAX = 65_536;

export type Sequenced =
  | { readonly kind: 'next' }
  /** It was seen before. */
  | { readonly kind: 'repeated' }
  /** It is new; these, both included, are not in the stream. */
  | { readonly kind: 'gap'; readonly from: number; readonly to: number };

export interface EventCheck {
  /** Events are noted in the order of the stream. */
  note(event: RecordedEvent): Sequenced;
}

const NEXT: Sequenced = { kind: 'next' };
const REPEATED: Sequenced = { kind: 'repeated' };

export class SequenceCheck implements EventCheck {
  /** Highest number by source, those heard of last at the end. */
  readonly #highest = new Map<string, number>();

  note(event: RecordedEvent): Sequenced {
    const { sequence } = event;
    const source = sourceText(event);
    const highest = this.#highest.get(source);
    if (highest !== undefined && sequence <= highest) return REPEATED;
    this.#keep(source, sequence);
    // The first that is seen of a source says nothing of those before: the stream may begin there.
    if (highest === undefined || sequence === highest + 1) return NEXT;
    return { kind: 'gap', from: highest + 1, to: sequence - 1 };
  }

  #keep(source: string, sequence: number): void {
    this.#highest.delete(source);
    this.#highest.set(source, sequence);
    if (this.#highest.size <= SOURCES_MAX) return;
    const oldest = this.#highest.keys().next();
    if (oldest.done !== true) this.#highest.delete(oldest.value);
  }
}

/** For one of several readers that share a stream: it sees parts of it, so it cannot tell of gaps. */
export class RepetitionCheck implements EventCheck {
  readonly #seen = new Set<string>();

  note(event: RecordedEvent): Sequenced {
    const id = `${sourceText(event)} ${event.sequence}`;
    if (this.#seen.has(id)) return REPEATED;
    this.#seen.add(id);
    if (this.#seen.size > SEEN_MAX) {
      const oldest = this.#seen.values().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    return NEXT;
  }
}

/** The instance comes last: it may hold anything. */
function sourceText({ instance, incarnation, kind }: RecordedEvent): string {
  return `${kind} ${incarnation} ${instance}`;
}
