/**
 * gRPC over HTTP/2 requests: what all connections of a server share, and the listener of each.
 */
import type { RequestListener } from '../http2/request-frames.ts';
import type { RequestHead } from '../http2/request-head.ts';
import type { Http2Stream, StreamOwner } from '../http2/stream.ts';
import { GrpcStatus, type RpcMethods } from '../rpc-server.ts';
import { trailersOnly } from './answer-blocks.ts';
import { type AssemblyBounds, AssemblyMemory, ConnectionAssembly } from './assembly-memory.ts';
import { type CallPlan, planCall } from './call-plan.ts';
import type { Gunzip } from './message-reader.ts';
import { PlainRequest, RefusedRequest } from './refused-request.ts';
import { StreamGrpcCall } from './stream-call.ts';
import { UnaryGrpcCall } from './unary-call.ts';

export interface GrpcServiceOptions extends AssemblyBounds {
  readonly methods: RpcMethods;
  /** Longer messages, also once inflated, become RESOURCE_EXHAUSTED. */
  readonly receiveBytesMax: number;
  /** Longer replies become RESOURCE_EXHAUSTED. */
  readonly sendBytesMax: number;
  readonly gunzip: Gunzip;
  /** Told of exceptions that handlers threw. */
  readonly log: (message: string, error: unknown) => void;
}

export interface GrpcCounters {
  callsStarted: number;
  /** Requests answered without a handler: unknown method, no gRPC, a bad message. */
  callsRefused: number;
  /** Requests refused because their connection, or all together, held too much in pieces. */
  assembliesRefused: number;
  /** Connections ended because they held most of it when there was no room for others. */
  assembliesEvicted: number;
}

export class GrpcService {
  readonly options: GrpcServiceOptions;
  readonly counters: GrpcCounters = {
    callsStarted: 0,
    callsRefused: 0,
    assembliesRefused: 0,
    assembliesEvicted: 0,
  };
  readonly assembly: AssemblyMemory;
  /** Bounded by the connections' streams. */
  readonly #streams = new Set<StreamGrpcCall>();

  constructor(options: GrpcServiceOptions) {
    this.options = options;
    this.assembly = new AssemblyMemory(options, this.counters);
  }

  /**
   * The listener of one connection; `denial` is the reason why its calls are all refused, or '';
   * `evict` ends the connection at once.
   */
  connect(denial: string, evict: () => void): GrpcConnection {
    return new GrpcConnection(this, denial, evict);
  }

  watch(call: StreamGrpcCall): void {
    this.#streams.add(call);
    call.onClose(() => this.#streams.delete(call));
  }

  /** Ends streams whose callers want no more by now. */
  tick(nowMs: number): void {
    for (const call of this.#streams) {
      if (call.deadlineMs === 0 || call.deadlineMs > nowMs) continue;
      call.end(GrpcStatus.DEADLINE_EXCEEDED, 'the deadline of the stream has passed');
    }
  }

  /** Streams are open-ended: a server that stops ends them. */
  endStreams(): void {
    for (const call of this.#streams) {
      call.end(GrpcStatus.UNAVAILABLE, 'the server is shutting down');
    }
  }
}

const NO_BLOCK = new Uint8Array(0);

export class GrpcConnection implements RequestListener {
  readonly service: GrpcService;
  readonly assembly: ConnectionAssembly;
  readonly #denial: Uint8Array | null;

  constructor(service: GrpcService, denial: string, evict: () => void) {
    this.service = service;
    this.assembly = new ConnectionAssembly(service.assembly, evict);
    this.#denial = denial === '' ? null : trailersOnly(GrpcStatus.UNAUTHENTICATED, denial);
  }

  onRequest(stream: Http2Stream, head: RequestHead): StreamOwner {
    const { counters, options } = this.service;
    let plan = head.memo as CallPlan | null;
    if (plan === null) {
      plan = planCall(head, options.methods);
      head.memo = plan;
    }
    if (plan.kind === 'unary' && this.#denial === null) {
      counters.callsStarted++;
      return new UnaryGrpcCall(this, stream, plan);
    }
    if (plan.kind === 'stream' && this.#denial === null) {
      counters.callsStarted++;
      return new StreamGrpcCall(this, stream, plan);
    }
    counters.callsRefused++;
    if (plan.kind === 'plain') return new PlainRequest(stream, plan);
    const block = plan.kind === 'refused' ? plan.block : NO_BLOCK;
    return new RefusedRequest(stream, this.#denial ?? block);
  }
}
