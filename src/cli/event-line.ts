/** An event as a line, for a program or for a person. */
import type { RecordedEvent } from '../core/events/event.ts';

/** What a terminal takes for orders, and what turns the direction of text: JSON leaves them as they are. */
const UNSEEN = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One JSON object; `id` is the entry's in its stream. */
export function jsonLine(event: RecordedEvent, id: string, isLate: boolean): string {
  const { at, kind, name, instance, incarnation, sequence, term, details } = event;
  return visible(
    JSON.stringify({
      id,
      time: new Date(at.wallMs).toISOString(),
      counter: at.counter,
      kind,
      name,
      instance,
      incarnation,
      sequence,
      ...(term === null ? {} : { term }),
      ...(isLate ? { late: true } : {}),
      details,
    }),
  );
}

/** `2026-11-24T10:00:00.123Z+0 audit weir-0#7 rules-loaded version=3 …`. */
export function textLine(event: RecordedEvent, isLate: boolean): string {
  const { at, kind, name, instance, sequence, term, details } = event;
  const words = [
    `${new Date(at.wallMs).toISOString()}+${at.counter}`,
    kind,
    `${plainOrQuoted(instance)}#${sequence}`,
    name,
  ];
  if (term !== null) words.push(`term=${term}`);
  for (const [detail, value] of Object.entries(details)) {
    const text = typeof value === 'string' ? plainOrQuoted(value) : String(value);
    words.push(`${plainOrQuoted(detail)}=${text}`);
  }
  if (isLate) words.push('(late)');
  return visible(words.join(' '));
}

/** Quoted where a space, a quote or nothing at all would make it ambiguous. */
function plainOrQuoted(text: string): string {
  return /^[\w.:/@,{}*|+-]+$/.test(text) ? text : JSON.stringify(text);
}

function visible(line: string): string {
  return line.replace(
    UNSEEN,
    (unseen) => `\\u${unseen.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
