/** Requests and the limits files that fit them. */
import { create, toBinary } from '@bufbuild/protobuf';
import { RateLimitRequestSchema } from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import type { Traffic } from './scenario.ts';

export const DOMAIN = 'checkout';
/** Never reached, so that every answer is OK. */
export const LIMIT_PER_HOUR = 4_000_000_000;

/** The key of a descriptor whose rule takes any value. */
export function freeKey(descriptor: number): string {
  return descriptor === 0 ? 'remote_address' : `header_${descriptor}`;
}

/** The value that a descriptor of the request with that number has. */
export function freeValue(descriptor: number, id: number): string {
  return `${descriptor}.${id >> 16}.${(id >> 8) & 255}.${id & 255}`;
}

/** All requests that differ, as messages. */
export function requestMessages({ descriptors, keys }: Traffic): Uint8Array[] {
  return Array.from({ length: keys }, (_, id) =>
    toBinary(
      RateLimitRequestSchema,
      create(RateLimitRequestSchema, {
        domain: DOMAIN,
        descriptors: Array.from({ length: descriptors }, (__, d) => ({
          entries: [{ key: freeKey(d), value: freeValue(d, id) }],
        })),
      }),
    ),
  );
}

/** The same in proto3 JSON, as the generator with a fixed rate takes them. */
export function requestsAsJson({ descriptors, keys }: Traffic) {
  return Array.from({ length: keys }, (_, id) => ({
    domain: DOMAIN,
    descriptors: Array.from({ length: descriptors }, (__, d) => ({
      entries: [{ key: freeKey(d), value: freeValue(d, id) }],
    })),
  }));
}

/** The limits file: rules for any value first, then literals. */
export function limitsText({ descriptors, rules }: Traffic): string {
  const limit = `rate_limit: { unit: hour, requests_per_unit: ${LIMIT_PER_HOUR} }`;
  const lines = Array.from({ length: rules }, (_, i) => {
    const entry =
      i < descriptors ? `key: ${freeKey(i)}` : `key: tenant, value: customer-${i - descriptors}`;
    return `  - { ${entry}, ${limit} }`;
  });
  return `domain: ${DOMAIN}\ndescriptors:\n${lines.join('\n')}\n`;
}
