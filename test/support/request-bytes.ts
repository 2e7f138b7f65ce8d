/** Requests in proto3 JSON as the bytes that a client sends. */
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { RateLimitRequestSchema } from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';

export function requestBytes(json: JsonValue): Uint8Array {
  return toBinary(RateLimitRequestSchema, fromJson(RateLimitRequestSchema, json));
}
