/** What Redis answers when entries are asked for, checked: a proxy may stand between. */
import type { EventKind } from '../core/events/event.ts';

export interface StreamEntry {
  readonly kind: EventKind;
  readonly id: string;
  /** Fields and values in turn; null: the entry was trimmed before it was acknowledged. */
  readonly fields: readonly string[] | null;
}

/** A stream that is read. */
export interface NamedStream {
  readonly kind: EventKind;
  readonly key: string;
}

/** Reply of XREAD and XREADGROUP; nothing new is null. Throws an Error for what is no such reply. */
export function entriesByStream(reply: unknown, streams: readonly NamedStream[]): StreamEntry[] {
  if (reply === null) return [];
  return listOf(reply).flatMap((its) => {
    const [key, entries] = listOf(its);
    const stream = streams.find((one) => one.key === key);
    if (stream === undefined) throw notAReply();
    return entriesOf(entries, stream.kind);
  });
}

/** A list of entries; those that were deleted, null in it, are left out. */
export function entriesOf(reply: unknown, kind: EventKind): StreamEntry[] {
  return listOf(reply)
    .filter((its) => its !== null)
    .map((its) => {
      const [id, fields] = listOf(its);
      if (typeof id !== 'string') throw notAReply();
      return { kind, id, fields: fields === null ? null : listOf(fields).map(String) };
    });
}

export function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw notAReply();
}

function notAReply(): Error {
  return new Error('the reply is not one of Redis about a stream');
}
