/**
 * What the memory store does with a key. Both functions lean on how V8 lays out strings; the test
 * of bytes per key fails when that changes.
 */

/**
 * A hash of every character: keys of one rule may differ anywhere. About 2 ns per character; keys are
 * strings of several kinds to V8, and a method of theirs that is found anew for each costs 10 ns more.
 */
export function hashKey(key: string): number {
  const { length } = key;
  let hash = length;
  for (let at = 0; at < length; at += 1) {
    hash = (Math.imul(hash, 31) + String.prototype.charCodeAt.call(key, at)) | 0;
  }
  // The low bits choose the shard: fold the others in.
  return (hash ^ (hash >>> 15) ^ (hash >>> 7)) >>> 0;
}

/**
 * The same text in a string of its own. A key is built by joining parts, some cut out of a
 * request's bytes; kept as it is, it would keep all of them (and twice the length once it is
 * flattened).
 */
export function ownString(key: string): string {
  return key.length < 2 ? key : [key.slice(0, 1), key.slice(1)].join('');
}
