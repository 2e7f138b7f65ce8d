/** The decoder against protobuf-es's generated code, which is the judge of what bytes mean. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HITS_UNSET, type RateLimitRequest } from '../../../src/core/rules/request.ts';
import { RateLimitRequestSchema } from '../../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import type { RateLimitUnit } from '../../../src/gen/envoy/type/v3/ratelimit_unit_pb.ts';
import { decodeRateLimitRequest } from '../../../src/wire/rls/decode-request.ts';
import { MalformedMessage } from '../../../src/wire/rls/malformed-message.ts';
import { bytesField, concat, numberField, tag, textField } from './wire-bytes.ts';

const RUNS = { numRuns: 1000 };

function judge(bytes: Uint8Array): RateLimitRequest {
  const message = fromBinary(RateLimitRequestSchema, bytes);
  return {
    domain: message.domain,
    hitsAddend: message.hitsAddend,
    descriptors: message.descriptors.map(({ entries, limit, hitsAddend, isNegativeHits }) => ({
      entries: entries.map(({ key, value }) => ({ key, value })),
      limit:
        limit === undefined ? null : { requestsPerUnit: limit.requestsPerUnit, unit: limit.unit },
      hitsAddend: hitsAddend === undefined ? HITS_UNSET : Number(hitsAddend),
      isNegativeHits,
    })),
  };
}

const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 32 - 1 }));
const hits53 = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat()).map(BigInt);

/** Enums are open: any number of 32 bits may come. */
const unit = fc.integer().map((number) => number as RateLimitUnit);

const message = fc
  .record({
    domain: text,
    hitsAddend: uint32,
    descriptors: fc.array(
      fc.record({
        entries: fc.array(fc.record({ key: text, value: text }), { maxLength: 4 }),
        limit: fc.option(fc.record({ requestsPerUnit: uint32, unit }), { nil: undefined }),
        hitsAddend: fc.option(hits53, { nil: undefined }),
        isNegativeHits: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
  })
  .map((init) => toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, init)));

/** Fields as no encoder would write them: repeated, out of order, padded, unknown in between. */
const padding = fc.nat({ max: 9 });
const paddedNumber = (
  field: number,
  value: fc.Arbitrary<bigint | number>,
): fc.Arbitrary<Uint8Array> =>
  fc.tuple(value, padding).map(([n, pad]) => numberField(field, n, pad));
const paddedText = (field: number): fc.Arbitrary<Uint8Array> =>
  fc.tuple(text, padding).map(([value, pad]) => textField(field, value, pad));
const embedded = (field: number, fields: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.array(fields, { maxLength: 5 }), padding)
    .map(([parts, pad]) => bytesField(field, concat(...parts), pad));

const anyNumber = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const unknownNumber = fc.oneof(
  fc.integer({ min: 5, max: 40 }),
  fc.integer({ min: 5, max: 2 ** 29 - 1 }),
);
const fixed = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const unknownLeaf = unknownNumber.chain((field) =>
  fc.oneof(
    paddedNumber(field, anyNumber),
    fixed(8).map((bytes) => concat(tag(field, 1), bytes)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => bytesField(field, bytes)),
    fixed(4).map((bytes) => concat(tag(field, 5), bytes)),
  ),
);
const { unknown } = fc.letrec<{ unknown: Uint8Array }>((tie) => ({
  unknown: fc.oneof(
    { maxDepth: 3 },
    unknownLeaf,
    fc
      .tuple(unknownNumber, fc.array(tie('unknown'), { maxLength: 3 }))
      .map(([field, parts]) => concat(tag(field, 3), ...parts, tag(field, 4))),
  ),
}));

const entryField = fc.oneof(paddedText(1), paddedText(2), unknown);
const limitField = fc.oneof(paddedNumber(1, anyNumber), paddedNumber(2, anyNumber), unknown);
const wrapperField = fc.oneof(paddedNumber(1, hits53), unknown);
const descriptorField = fc.oneof(
  embedded(1, entryField),
  embedded(2, limitField),
  embedded(3, wrapperField),
  paddedNumber(4, anyNumber),
  unknown,
);
const requestField = fc.oneof(
  paddedText(1),
  embedded(2, descriptorField),
  paddedNumber(3, anyNumber),
  unknown,
);
const wild = fc.array(requestField, { maxLength: 8 }).map((fields) => concat(...fields));

describe('decoding, judged by the generated code', () => {
  it('reads what an encoder writes', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        expect(decodeRateLimitRequest(bytes)).toEqual(judge(bytes));
      }),
      RUNS,
    );
  });

  it('reads fields that are repeated, split, padded, unknown or out of order', () => {
    fc.assert(
      fc.property(wild, (bytes) => {
        expect(decodeRateLimitRequest(bytes)).toEqual(judge(bytes));
      }),
      RUNS,
    );
  });

  it('reads two messages in a row as one merged message', () => {
    fc.assert(
      fc.property(wild, wild, (first, second) => {
        const bytes = concat(first, second);
        expect(decodeRateLimitRequest(bytes)).toEqual(judge(bytes));
      }),
      { numRuns: 300 },
    );
  });
});

/** True when the bytes were read, false when they were refused as they should be. */
function isRead(bytes: Uint8Array): boolean {
  try {
    decodeRateLimitRequest(bytes);
    return true;
  } catch (error) {
    if (error instanceof MalformedMessage) return false;
    throw error;
  }
}

describe('bytes that are no message', () => {
  it('are refused at every cut that is not between two fields of the request', () => {
    const fields = fc.array(requestField, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fields, (parts) => {
        const bytes = concat(...parts);
        const whole = new Set([0]);
        let at = 0;
        for (const part of parts) whole.add((at += part.length));
        for (let cut = 0; cut <= bytes.length; cut++) {
          expect(isRead(bytes.subarray(0, cut)), `cut at ${cut}`).toBe(whole.has(cut));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are refused as malformed, never by another error, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        isRead(bytes);
      }),
      { numRuns: 20_000 },
    );
  });

  it('are refused as malformed when a byte of a message is changed', () => {
    fc.assert(
      fc.property(wild, fc.nat(), fc.nat({ max: 255 }), (bytes, where, byte) => {
        fc.pre(bytes.length > 0);
        const changed = bytes.slice();
        changed[where % bytes.length] = byte;
        isRead(changed);
      }),
      { numRuns: 5000 },
    );
  });
});
