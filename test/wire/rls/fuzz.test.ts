/**
 * Mutated requests, from a seed: the codec reads or refuses them as a plain reading does, and the counting
 * that comes before it agrees with what it then reads.
 */
import { describe, expect, it } from 'vitest';
import { messageCountFault } from '../../../src/rpc/count-guard.ts';
import { decodeRateLimitRequest } from '../../../src/wire/rls/decode-request.ts';
import { MalformedMessage } from '../../../src/wire/rls/malformed-message.ts';
import { DEFAULT_REQUEST_BOUNDS } from '../../support/request-bounds.ts';
import {
  FUZZ_SEED,
  fuzz,
  fuzzMsMax,
  fuzzRuns,
  mutateBytes,
  type Pick,
  pickFrom,
} from '../fuzzing.ts';
import { plainReading } from './plain-reading.ts';
import { bytesField, concat, numberField, tag, textField } from './wire-bytes.ts';

const RUNS = fuzzRuns(5000);
const TEXTS = ['', 'user', 'ann', '/checkout', 'größer', '\u{1f600}', 'x'.repeat(40)];

function anyText(pick: Pick): string {
  return TEXTS[pick(TEXTS.length)] as string;
}

function anyEntry(pick: Pick): Uint8Array {
  return bytesField(1, concat(textField(1, anyText(pick)), textField(2, anyText(pick), pick(3))));
}

function anyDescriptorField(pick: Pick): Uint8Array {
  const choices = [
    () => anyEntry(pick),
    () => anyEntry(pick),
    () => bytesField(2, concat(numberField(1, pick(9)), numberField(2, pick(9)))),
    () => bytesField(3, numberField(1, pick(2 ** 32), pick(4))),
    // Up to a number whose lower 32 bits are 0, and which is true all the same.
    () => numberField(4, pick(3) * 2 ** 31),
    () => concat(tag(9, 3), numberField(1, 5), tag(9, 4)),
  ];
  return (choices[pick(choices.length)] as () => Uint8Array)();
}

function manyOf(count: number, make: () => Uint8Array): Uint8Array {
  return concat(...Array.from({ length: count }, make));
}

function anyRequest(pick: Pick): Buffer {
  const descriptor = (): Uint8Array =>
    bytesField(
      2,
      manyOf(pick(5), () => anyDescriptorField(pick)),
      pick(2),
    );
  const parts = [textField(1, anyText(pick)), manyOf(1 + pick(4), descriptor)];
  if (pick(2) === 0) parts.push(numberField(3, pick(2 ** 32)));
  if (pick(50) === 0) parts.push(manyOf(1000, () => bytesField(2, anyEntry(pick))));
  return Buffer.from(concat(...parts));
}

/** The result, or null when the bytes are refused as malformed. Other errors pass through. */
function orRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedMessage) return null;
    throw error;
  }
}

function mutatedRequest(seed: number): void {
  const pick = pickFrom(seed);
  const bytes = mutateBytes(anyRequest(pick), pick);
  const request = orRefused(() => decodeRateLimitRequest(bytes));
  expect(request).toEqual(plainReading(bytes));
  const fault = orRefused(() => messageCountFault(bytes, DEFAULT_REQUEST_BOUNDS));
  if (fault === null || request === null) return;
  const { descriptorsMax, entriesMax } = DEFAULT_REQUEST_BOUNDS;
  const { descriptors } = request;
  const isBeyond =
    descriptors.length > descriptorsMax ||
    descriptors.some(({ entries }) => entries.length > entriesMax);
  expect(isBeyond, fault.text).toBe(true);
}

describe('the request codec under mutated messages', () => {
  it(
    `reads or refuses ${RUNS} of them, from seed ${FUZZ_SEED}, as a plain reading does`,
    () => fuzz('message', RUNS, mutatedRequest),
    fuzzMsMax(RUNS),
  );
});
