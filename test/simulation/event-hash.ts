/**
 * What happened, in one number: two runs that differ in any event, or in its time, differ here. Two lanes
 * of FNV-1a with different starts. Not for secrets.
 */
const PRIME = 0x01000193;

export class EventHash {
  #one = 0x811c9dc5;
  #other = 0x9e3779b9;

  /** `at` in milliseconds, counted to a part of 1024. */
  add(at: number, what: number, more: number): void {
    this.#mix(Math.floor(at * 1024) | 0);
    this.#mix(what);
    this.#mix(more | 0);
  }

  addText(text: string): void {
    for (let i = 0; i < text.length; i += 1) this.#mix(text.charCodeAt(i));
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return hex(this.#one) + hex(this.#other);
  }

  #mix(word: number): void {
    this.#one = Math.imul(this.#one ^ word, PRIME);
    this.#other = Math.imul(((this.#other << 5) | (this.#other >>> 27)) ^ word, PRIME);
  }
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
