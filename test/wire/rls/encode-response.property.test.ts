/** The encoder against protobuf-es's generated code: not only the same message, the same bytes. */
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/rules/limits-file.ts';
import { isUnit } from '../../../src/core/rules/unit.ts';
import type { Answer, Code, Status } from '../../../src/core/verdict/answer.ts';
import { RateLimitResponseSchema } from '../../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { encodeRateLimitResponse } from '../../../src/wire/rls/encode-response.ts';
import { rule } from './answers.ts';
import { toHex } from './wire-bytes.ts';

const code = fc.constantFrom<Code>(0, 1, 2);
const unit = fc.integer({ min: 1, max: 7 }).map((value) => {
  if (!isUnit(value)) throw new RangeError(`${value} is no unit`);
  return value;
});
const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 32 - 1 }));
const text = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
);

const status: fc.Arbitrary<Status> = fc.record({
  code,
  rule: fc.option(
    fc.record({ requestsPerUnit: uint32, unit, name: text, unlimited: fc.boolean() }).map(rule),
  ),
  remaining: uint32,
  resetSeconds: fc.nat({ max: 31_536_000 }),
});
const metadata = fc
  .dictionary(text, fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' }), { maxKeys: 5 })
  .map((value) => value as JsonObject);
const anyAnswer: fc.Arbitrary<Answer> = fc.record({
  overallCode: code,
  statuses: fc.oneof(
    { weight: 50, arbitrary: fc.array(status, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(status, { minLength: 256, maxLength: 256 }) },
  ),
  responseHeaders: fc.option(fc.array(fc.record({ key: text, value: text }), { maxLength: 5 })),
  dynamicMetadata: fc.option(metadata),
});

function byGeneratedCode(answer: Answer): Uint8Array {
  const message = create(RateLimitResponseSchema, {
    overallCode: answer.overallCode,
    statuses: answer.statuses.map((given) => ({
      code: given.code,
      limitRemaining: given.remaining,
      ...(given.rule === null || given.rule.unlimited ? {} : limitOf(given, given.rule)),
    })),
    responseHeadersToAdd: answer.responseHeaders?.map((header) => ({ ...header })) ?? [],
    ...(answer.dynamicMetadata === null ? {} : { dynamicMetadata: answer.dynamicMetadata }),
  });
  return toBinary(RateLimitResponseSchema, message);
}

function limitOf(
  given: Status,
  { requestsPerUnit, unit: ofRule, name }: NonNullable<Status['rule']>,
) {
  return {
    currentLimit: { requestsPerUnit, unit: ofRule, name },
    durationUntilReset: { seconds: BigInt(given.resetSeconds) },
  };
}

describe('encoding, judged by the generated code', () => {
  it('writes the same bytes', () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        expect(toHex(encodeRateLimitResponse(answer))).toBe(toHex(byGeneratedCode(answer)));
      }),
      { numRuns: 1000 },
    );
  });
});
