/** The codec alone: the request of one descriptor, and the answer to it. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Unit } from '../../src/core/rules/unit.ts';
import { Check } from '../../src/core/verdict/check.ts';
import { RateLimitRequestSchema } from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { decodeRateLimitRequest } from '../../src/wire/rls/decode-request.ts';
import { encodeRateLimitResponse } from '../../src/wire/rls/encode-response.ts';
import { answer, rule } from '../wire/rls/answers.ts';
import { cpuNsEach } from './stopwatch.ts';

const KEYS = 1000;

function requests(): Uint8Array[] {
  return Array.from({ length: KEYS }, (_, id) => {
    const entries = [{ key: 'remote_address', value: `10.0.${id >> 8}.${id & 255}` }];
    const init = { domain: 'checkout', descriptors: [{ entries }] };
    return Buffer.from(toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, init)));
  });
}

/** Nanoseconds of CPU for each message. */
export function measureDecode(): number {
  const messages = requests();
  return cpuNsEach(KEYS, () => {
    for (const message of messages) decodeRateLimitRequest(message);
  });
}

/** The same by the generated code. */
export function measureGeneratedDecode(): number {
  const messages = requests();
  return cpuNsEach(KEYS, () => {
    for (const message of messages) fromBinary(RateLimitRequestSchema, message);
  });
}

/** Nanoseconds of CPU for each answer. */
export function measureEncode(): number {
  const answers = Array.from({ length: KEYS }, (_, id) => {
    const check = new Check();
    check.rule = rule({ requestsPerUnit: 4_000_000_000, unit: Unit.HOUR });
    check.remaining = id;
    check.resetMs = id * 3000;
    return answer({ statuses: [check] });
  });
  return cpuNsEach(KEYS, () => {
    for (const each of answers) encodeRateLimitResponse(each);
  });
}
