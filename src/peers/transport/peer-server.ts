/**
 * The port that peers connect to, on grpc-js. Every voter has one; who only holds leases has none.
 *
 * Bounded: a stream for each other voter, the newest one; messages up to MESSAGE_BYTES_MAX; lease requests
 * at work (the handler refuses more). Whoever is of another cluster is refused before anything that it
 * says is looked at.
 */

import { isIPv6 } from 'node:net';
import { create } from '@bufbuild/protobuf';
import {
  Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { Message } from '../../core/raft/message.ts';
import type { DurationMs, WallMs } from '../../core/time.ts';
import {
  type Caller,
  type ExchangeRequest,
  type ExchangeResponse,
  ExchangeResponseSchema,
  type LeaseRequest,
  type LeaseResponse,
  type SpendRequest,
  type SpendResponse,
} from '../../gen/weir/peer/v1/peer_pb.ts';
import type { VoterAddress } from '../discovery/voter-place.ts';
import type { Checkpoint } from '../group/divergence.ts';
import type { PeerCounts } from '../group/peer-counts.ts';
import type { PeerTime, Timed } from '../messages/peer-time.ts';
import { decodeRaftMessage } from '../messages/raft-message.ts';
import { MalformedMessage, wholeOf } from '../messages/whole.ts';
import { EXCHANGE, LEASE, MESSAGE_BYTES_MAX, type Method, SPEND } from './peer-rpc.ts';
import { carriesHost, type PeerTls, serverCredentialsOf } from './peer-tls.ts';
import { PeerCallError } from './voter-channel.ts';

/** Calls at work on one connection: a replica has a few. */
const STREAMS_MAX = 64;
/** Answers to probes that a peer does not read; then it gets no more. */
const UNREAD_MAX = 16;

export interface PeerServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: PeerTls | null;
  readonly clusterId: string;
  readonly own: NodeId;
  readonly voters: readonly VoterAddress[];
  readonly wall: () => WallMs;
  readonly counts: PeerCounts;
  readonly time: PeerTime;
  readonly handlers: PeerHandlers;
}

/** Rejections with a PeerCallError are told to the caller, others are INTERNAL. */
export interface PeerHandlers {
  readonly onMessage: (message: Message) => void;
  readonly onCheckpoint: (from: NodeId, checkpoint: Checkpoint) => void;
  /** `arrivedAt`: the wall clock when the request came. */
  readonly lease: (request: LeaseRequest, arrivedAt: WallMs) => Promise<LeaseResponse>;
  readonly spend: (request: SpendRequest) => Promise<SpendResponse>;
  /** A caller that was refused, or a message that makes no sense. */
  readonly onRefused: (caller: string, reason: string) => void;
}

type Stream = ServerDuplexStream<ExchangeRequest, ExchangeResponse>;

interface Refusal {
  readonly code: status;
  readonly details: string;
}

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #server: Server;
  /** By voter. */
  readonly #streams = new Map<NodeId, Stream>();

  constructor(options: PeerServerOptions) {
    this.#options = options;
    this.#server = new Server({
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_concurrent_streams': STREAMS_MAX,
      'grpc.enable_channelz': 0,
    });
    const exchange = (stream: Stream): void => this.#serveExchange(stream);
    const { path, request, response } = EXCHANGE;
    this.#server.register(path, exchange, response.toBytes, request.fromBytes, 'bidi');
    const { lease, spend } = options.handlers;
    this.#addUnary(LEASE, (asked) => lease(asked, options.wall()));
    this.#addUnary(SPEND, spend);
  }

  /** Resolves to the port. Rejects with a message for the operator. */
  listen(): Promise<number> {
    const { listen, tls } = this.#options;
    const host = listen.host === '' ? '::' : listen.host;
    const target = `${isIPv6(host) ? `[${host}]` : host}:${listen.port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(target, serverCredentialsOf(tls), (error, port) => {
        if (error === null) resolve(port);
        else reject(new Error(`peers: cannot listen on QUOTA_LISTEN=${target}: ${error.message}`));
      });
    });
  }

  /** Streams end at once, calls at work may take so long. */
  close(graceMs: DurationMs): Promise<void> {
    for (const stream of this.#streams.values()) refuse(stream, UNAVAILABLE);
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(giveUp);
        resolve();
      });
    });
  }

  #serveExchange(stream: Stream): void {
    let from: NodeId | null = null;
    stream.on('error', () => undefined);
    stream.on('data', (request: ExchangeRequest) => {
      const refusal = this.#refusalOf(request.caller) ?? this.#foreign(request, from, stream);
      if (refusal !== null) {
        this.#options.handlers.onRefused(request.caller?.nodeId ?? '', refusal.details);
        refuse(stream, refusal);
        return;
      }
      from ??= this.#begin(request.caller?.nodeId ?? '', stream);
      this.#take(from, request, stream);
    });
    const gone = (): void => {
      if (from !== null && this.#streams.get(from) === stream) this.#streams.delete(from);
    };
    stream.on('cancelled', gone);
    stream.on('close', gone);
    stream.on('end', () => {
      gone();
      stream.end();
    });
  }

  #begin(from: NodeId, stream: Stream): NodeId {
    const older = this.#streams.get(from);
    if (older !== undefined)
      refuse(older, { code: status.ABORTED, details: 'there is a newer one' });
    this.#streams.set(from, stream);
    return from;
  }

  #take(from: NodeId, request: ExchangeRequest, stream: Stream): void {
    const { counts, handlers, wall, time } = this.#options;
    time.take(request);
    try {
      if (request.probe > 0n && stream.writableLength < UNREAD_MAX) {
        const { probe } = request;
        const response = { probe, wallMs: wall(), time: time.stamp() };
        stream.write(create(ExchangeResponseSchema, response));
      }
      const { checkpoint } = request;
      if (checkpoint !== undefined) {
        const { index, fingerprint } = checkpoint;
        handlers.onCheckpoint(from, { index: wholeOf(index), fingerprint });
      }
      if (request.message === undefined) return;
      const message = decodeRaftMessage(request.message);
      if (message === null) counts.message('unknown', 'dropped');
      else if (message.from === from) {
        counts.message(message.body.kind, 'received');
        handlers.onMessage(message);
      } else throw new MalformedMessage(`it is said to be of ${message.from}`);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      counts.message('unknown', 'dropped');
      handlers.onRefused(from, error.message);
    }
  }

  #refusalOf(caller: Caller | undefined): Refusal | null {
    const { clusterId } = this.#options;
    if (caller?.clusterId === clusterId) return null;
    const details = `this is the cluster '${clusterId}', not '${caller?.clusterId ?? ''}'`;
    return { code: status.FAILED_PRECONDITION, details };
  }

  /** Only another voter, the same all along, and with a certificate of its host. */
  #foreign(request: ExchangeRequest, from: NodeId | null, stream: Stream): Refusal | null {
    const id = request.caller?.nodeId ?? '';
    const { own, voters, tls } = this.#options;
    const code = status.PERMISSION_DENIED;
    if (from !== null && from !== id) return { code, details: 'a stream has one sender' };
    if (from !== null) return null;
    const voter = voters.find((one) => one.id === id);
    if (voter === undefined || id === own) {
      return { code, details: `'${id}' is no other voter of this cluster` };
    }
    if (tls === null || voter.port === null) return null;
    if (carriesHost(stream.getAuthContext().sslPeerCertificate, voter.host)) return null;
    return { code, details: `the certificate does not carry ${voter.host}, the host of '${id}'` };
  }

  #addUnary<A extends Timed & { readonly caller?: Caller | undefined }, B extends Timed>(
    { path, request, response }: Method<A, B>,
    answer: (request: A) => Promise<B>,
  ): void {
    const serve = (call: ServerUnaryCall<A, B>, callback: sendUnaryData<B>): void => {
      const refusal = this.#refusalOf(call.request.caller);
      if (refusal !== null) {
        this.#options.handlers.onRefused(call.request.caller?.nodeId ?? '', refusal.details);
        callback(refusal);
        return;
      }
      const { time } = this.#options;
      time.take(call.request);
      void reply(answer(call.request), time, callback);
    };
    this.#server.register(path, serve, response.toBytes, request.fromBytes, 'unary');
  }
}

const UNAVAILABLE: Refusal = { code: status.UNAVAILABLE, details: 'this voter is stopping' };

/** grpc-js takes a status other than OK as an 'error' event that carries it. */
function refuse(stream: Stream, refusal: Refusal): void {
  stream.emit('error', refusal);
}

async function reply<B extends Timed>(
  answer: Promise<B>,
  time: PeerTime,
  callback: sendUnaryData<B>,
): Promise<void> {
  try {
    const response = await answer;
    response.time = time.stamp();
    callback(null, response);
  } catch (error) {
    callback(statusOf(error));
  }
}

function statusOf(error: unknown): Refusal {
  if (error instanceof PeerCallError) return { code: error.code, details: error.message };
  if (error instanceof MalformedMessage) {
    return { code: status.INVALID_ARGUMENT, details: error.message };
  }
  return { code: status.INTERNAL, details: 'internal error' };
}
