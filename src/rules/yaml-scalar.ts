/**
 * What a YAML scalar means, by the rules of the reference's YAML 1.1 library: `on`, `off`, `yes`, `no`
 * are booleans, `010` is octal, `1_000` is a number, `0o17` and `0b1` too, and dates stay text. The raw
 * text is kept by the caller: where a string is wanted it is used as it was written.
 */

/** A scalar's meaning. A bigint is a whole number outside the signed 64-bit range. */
export type ScalarValue = string | number | bigint | boolean | null;

/** How the text was written: only plain text without a tag can mean anything but itself. */
export interface ScalarSource {
  readonly text: string;
  readonly isPlain: boolean;
  /** Long form, e.g. `tag:yaml.org,2002:int`; undefined when none was written. */
  readonly tag: string | undefined;
}

/** A whole number keeps being told from a fraction: `1.0` is not an integer to the reference. */
export interface Resolved {
  readonly kind: 'null' | 'bool' | 'int' | 'float' | 'string';
  readonly value: ScalarValue;
}

const WORDS = new Map<string, Resolved>();
for (const word of ['', '~', 'null', 'Null', 'NULL'])
  WORDS.set(word, { kind: 'null', value: null });
for (const word of ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']) {
  WORDS.set(word, { kind: 'bool', value: true });
}
for (const word of ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']) {
  WORDS.set(word, { kind: 'bool', value: false });
}
for (const word of ['.nan', '.NaN', '.NAN']) WORDS.set(word, { kind: 'float', value: Number.NaN });
for (const word of ['.inf', '.Inf', '.INF']) {
  WORDS.set(word, { kind: 'float', value: Number.POSITIVE_INFINITY });
  WORDS.set(`+${word}`, { kind: 'float', value: Number.POSITIVE_INFINITY });
  WORDS.set(`-${word}`, { kind: 'float', value: Number.NEGATIVE_INFINITY });
}

const NUMBER_START = /^[-+.0-9]/;
/** The usual case, without the cost of a bigint; no leading zero, which would mean octal. */
const SMALL_INTEGER = /^(0|[1-9][0-9]{0,14})$/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const TAG_PREFIX = 'tag:yaml.org,2002:';

/** The meaning of a scalar, or null when its explicit tag and its text contradict each other. */
export function resolveScalar(source: ScalarSource): Resolved | null {
  const { text, isPlain, tag } = source;
  const kind = tag?.startsWith(TAG_PREFIX) === true ? tag.slice(TAG_PREFIX.length) : undefined;
  if (tag === undefined) return isPlain ? resolvePlain(text) : { kind: 'string', value: text };
  if (kind === 'bool' || kind === 'int' || kind === 'float' || kind === 'null') {
    const resolved = resolvePlain(text);
    if (kind === resolved.kind) return resolved;
    return kind === 'float' && resolved.kind === 'int' ? { kind, value: resolved.value } : null;
  }
  return { kind: 'string', value: text };
}

function resolvePlain(text: string): Resolved {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (!NUMBER_START.test(text)) return { kind: 'string', value: text };
  const digits = text.replaceAll('_', '');
  if (SMALL_INTEGER.test(digits)) return { kind: 'int', value: Number(digits) };
  const whole = text.startsWith('.') ? null : parseInteger(digits);
  if (whole !== null) return { kind: 'int', value: whole };
  if (FLOAT.test(digits)) return { kind: 'float', value: Number(digits) };
  return { kind: 'string', value: text };
}

/** Null when the text is no whole number, or one beyond 64 bits: that reads as a float. */
function parseInteger(digits: string): number | bigint | null {
  const match = INTEGER.exec(digits);
  if (match === null) return null;
  const [, sign, body] = match as unknown as [string, string, string];
  const isOctal = body.length > 1 && /^0[0-7]+$/.test(body);
  const magnitude = BigInt(isOctal ? `0o${body.slice(1)}` : body.toLowerCase());
  const whole = sign === '-' ? -magnitude : magnitude;
  if (whole > UINT64_MAX || whole < -INT64_MAX - 1n) return null;
  return whole > INT64_MAX ? whole : Number(whole);
}
