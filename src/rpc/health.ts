/**
 * grpc.health.v1 over HealthState. Both names, "" and "ratelimit", report the real state: the
 * reference answers SERVING for "" whatever happens, which keeps a dead instance in rotation.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  HealthCheckRequestSchema,
  type HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../gen/grpc/health/v1/health_pb.ts';
import type { StreamCall, StreamHandler, UnaryHandler } from '../wire/rpc-server.ts';
import { type GrpcError, malformed, tooManyWatches, unknownService } from './grpc-errors.ts';
import type { HealthState } from './health-state.ts';
import type { RpcObserver } from './rpc-observer.ts';

export const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
export const HEALTH_WATCH = '/grpc.health.v1.Health/Watch';

/** Services that have a state. */
const SERVICES: ReadonlySet<string> = new Set(['', 'ratelimit']);

/** A request names one service: longer messages are not decoded. */
const REQUEST_BYTES_MAX = 4096;

/** A watch per client and connection is far below it. */
export const DEFAULT_HEALTH_WATCHES_MAX = 1000;

export interface HealthServiceParts {
  readonly state: HealthState;
  readonly observer: RpcObserver;
  /** Watch calls open at once. */
  readonly watchesMax: number;
}

export class HealthService {
  readonly #state: HealthState;
  readonly #observer: RpcObserver;
  readonly #watchesMax: number;
  /** Watches of a known service; with `#idle` bounded by watchesMax. */
  readonly #watches = new Set<StreamCall>();
  /** Watches of unknown services, which never hear anything more. */
  #idle = 0;

  constructor(parts: HealthServiceParts) {
    this.#state = parts.state;
    this.#observer = parts.observer;
    this.#watchesMax = parts.watchesMax;
    this.#state.onChange((isServing) => {
      const message = encode(servingStatus(isServing));
      for (const watch of this.#watches) watch.send(message);
    });
  }

  readonly check: UnaryHandler = (bytes, call) => {
    const startMs = performance.now();
    const service = requestedService(bytes);
    if (typeof service !== 'string') {
      call.fail(service.status, service.text);
    } else if (SERVICES.has(service)) {
      call.reply(encode(servingStatus(this.#state.isServing)));
    } else {
      const unknown = unknownService(service);
      call.fail(unknown.status, unknown.text);
    }
    this.#observer.requestFinished('Check', performance.now() - startMs);
  };

  readonly watch: StreamHandler = (bytes, call) => {
    const service = requestedService(bytes);
    if (typeof service !== 'string') {
      call.end(service.status, service.text);
    } else if (this.#watches.size + this.#idle >= this.#watchesMax) {
      const refusal = tooManyWatches(this.#watchesMax);
      call.end(refusal.status, refusal.text);
    } else if (SERVICES.has(service)) {
      this.#watches.add(call);
      call.onClose(() => this.#watches.delete(call));
      call.send(encode(servingStatus(this.#state.isServing)));
    } else {
      this.#idle += 1;
      call.onClose(() => {
        this.#idle -= 1;
      });
      call.send(encode(ServingStatus.SERVICE_UNKNOWN));
    }
  };
}

function requestedService(bytes: Uint8Array): string | GrpcError {
  if (bytes.length > REQUEST_BYTES_MAX) {
    return malformed('HealthCheckRequest', `longer than ${REQUEST_BYTES_MAX} bytes`);
  }
  try {
    return fromBinary(HealthCheckRequestSchema, bytes).service;
  } catch (error) {
    return malformed('HealthCheckRequest', (error as Error).message);
  }
}

function servingStatus(isServing: boolean): HealthCheckResponse_ServingStatus {
  return isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
}

function encode(status: HealthCheckResponse_ServingStatus): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }));
}
