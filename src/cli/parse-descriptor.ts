/** `key=value,key=value` as typed on the command line ─▶ a descriptor. */
import { type Descriptor, type Entry, HITS_UNSET } from '../core/rules/request.ts';

/**
 * The first `=` of an entry ends its key; no `=` means an empty value. A comma or backslash that belongs
 * to a key or value is written `\,` or `\\`. Null when an entry has no key.
 */
export function parseDescriptor(text: string): Descriptor | null {
  const entries: Entry[] = [];
  for (const part of splitEscaped(text)) {
    const at = part.indexOf('=');
    const key = at === -1 ? part : part.slice(0, at);
    if (key === '') return null;
    entries.push({ key, value: at === -1 ? '' : part.slice(at + 1) });
  }
  return { entries, limit: null, hitsAddend: HITS_UNSET, isNegativeHits: false };
}

function splitEscaped(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const isEscape = text[i] === '\\' && i + 1 < text.length;
    if (text[i] === ',') {
      parts.push(part);
      part = '';
    } else {
      part += isEscape ? text[++i] : text[i];
    }
  }
  return [...parts, part];
}
