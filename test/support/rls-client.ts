/** A rate limit client as Envoy is one: real gRPC over HTTP/2, messages in proto3 JSON for the tests. */
import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import {
  HealthCheckRequestSchema,
  type HealthCheckResponse_ServingStatus,
  HealthCheckResponse_ServingStatusSchema,
  HealthCheckResponseSchema,
} from '../../src/gen/grpc/health/v1/health_pb.ts';

const SHOULD_RATE_LIMIT = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
const HEALTH_WATCH = '/grpc.health.v1.Health/Watch';

export type Outcome =
  | { readonly response: JsonObject }
  | { readonly error: { readonly code: number; readonly message: string } };

interface UnaryBytes {
  readonly bytes: Uint8Array;
}

export class RlsClient {
  readonly #client: Client;
  readonly #deadlineMs: number;

  constructor(port: number, deadlineMs = 5_000) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#deadlineMs = deadlineMs;
  }

  /** ShouldRateLimit; fields at their default are left out of the response. `id` is the request's own. */
  async shouldRateLimit(request: JsonObject, id?: string): Promise<Outcome> {
    const message = fromJson(RateLimitRequestSchema, request);
    const bytes = toBinary(RateLimitRequestSchema, message);
    const metadata = new Metadata();
    if (id !== undefined) metadata.set('idempotency-key', id);
    const outcome = await this.#call(SHOULD_RATE_LIMIT, bytes, metadata);
    if ('error' in outcome) return outcome;
    const response = fromBinary(RateLimitResponseSchema, outcome.bytes);
    return { response: toJson(RateLimitResponseSchema, response) as JsonObject };
  }

  /** grpc.health.v1: the status by its name, or the gRPC error. */
  async health(service: string): Promise<string | Outcome> {
    const request = toBinary(
      HealthCheckRequestSchema,
      fromJson(HealthCheckRequestSchema, { service }),
    );
    const outcome = await this.#call(HEALTH_CHECK, request);
    if ('error' in outcome) return outcome;
    const { status } = fromBinary(HealthCheckResponseSchema, outcome.bytes);
    return statusName(status);
  }

  /** Watches a service's health; each status by its name, and null when the stream has ended. */
  watchHealth(service: string, listener: (status: string | null) => void): void {
    const request = toBinary(
      HealthCheckRequestSchema,
      fromJson(HealthCheckRequestSchema, { service }),
    );
    const stream = this.#client.makeServerStreamRequest(
      HEALTH_WATCH,
      asBuffer,
      (bytes) => fromBinary(HealthCheckResponseSchema, bytes).status,
      request,
    );
    stream.on('data', (status: HealthCheckResponse_ServingStatus) => listener(statusName(status)));
    stream.once('error', () => listener(null));
    stream.once('end', () => listener(null));
  }

  #call(
    method: string,
    request: Uint8Array,
    metadata = new Metadata(),
  ): Promise<UnaryBytes | Extract<Outcome, { error: unknown }>> {
    return new Promise((resolve) => {
      const settle = (error: ServiceError | null, bytes?: Buffer): void => {
        if (error === null) resolve({ bytes: bytes as Buffer });
        else resolve({ error: { code: error.code, message: error.details } });
      };
      const options = { deadline: Date.now() + this.#deadlineMs };
      const same = (bytes: Buffer): Buffer => bytes;
      this.#client.makeUnaryRequest(method, asBuffer, same, request, metadata, options, settle);
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function statusName(status: HealthCheckResponse_ServingStatus): string {
  return HealthCheckResponse_ServingStatusSchema.value[status]?.name ?? `unknown ${status}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
