/**
 * The way to one voter, for all that is said to it. The library connects, and connects again; where to is
 * ours, so that a voter that moved is found at once.
 */
import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { DurationMs } from '../../core/time.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../gen/weir/peer/v1/peer_pb.ts';
import type { VoterPlace } from '../discovery/voter-place.ts';
import { EXCHANGE, MESSAGE_BYTES_MAX, type Method } from './peer-rpc.ts';

export type ExchangeStream = ClientDuplexStream<ExchangeRequest, ExchangeResponse>;

/** A call that came to no answer; `code` is gRPC's. */
export class PeerCallError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'PeerCallError';
    this.code = code;
  }
}

/** A voter that is back must be heard within an election; a connection costs little. */
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 1000;
/** A connection that is silent is asked for an answer, as a peer may vanish without a word. */
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_ANSWER_MS = 5000;

export class VoterChannel {
  readonly place: VoterPlace;
  readonly #credentials: ChannelCredentials;
  #client: Client | null = null;
  /** What the client connects to. */
  #target = '';
  /** Counts connections that failed: of two families of addresses, each has its turn. */
  #turn = 0;
  #isClosed = false;

  constructor(place: VoterPlace, credentials: ChannelCredentials) {
    this.place = place;
    this.#credentials = credentials;
    void place.refresh(false);
  }

  /** null while no address is known. Its failures are told by its events. */
  exchange(): ExchangeStream | null {
    const { path, request, response } = EXCHANGE;
    const client = this.#current();
    return client?.makeBidiStreamRequest(path, request.toBytes, response.fromBytes) ?? null;
  }

  /** Rejects with a PeerCallError, at the latest when the time is up. */
  call<A, B>(method: Method<A, B>, request: A, timeoutMs: DurationMs): Promise<B> {
    const client = this.#current();
    if (client === null) {
      return Promise.reject(new PeerCallError(status.UNAVAILABLE, 'no address is known'));
    }
    const { path, request: asked, response } = method;
    // The library's deadlines are on the wall clock.
    const options: CallOptions = { deadline: Date.now() + timeoutMs };
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: B): void => {
        if (error === null) resolve(answer as B);
        else {
          this.noteFailure(error.code);
          reject(new PeerCallError(error.code, error.details));
        }
      };
      try {
        const { toBytes } = asked;
        client.makeUnaryRequest(path, toBytes, response.fromBytes, request, options, done);
      } catch (error) {
        reject(new PeerCallError(status.INTERNAL, String(error)));
      }
    });
  }

  /** A call or a stream failed: the voter may be somewhere else by now. */
  noteFailure(code: status): void {
    if (code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED) return;
    this.#turn += 1;
    void this.place.refresh(true);
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.close();
    this.#client = null;
  }

  #current(): Client | null {
    if (this.#isClosed) return null;
    void this.place.refresh(false);
    const target = targetOf(this.place.targets, this.#turn);
    if (target === '') return null;
    if (target !== this.#target || this.#client === null) {
      this.#client?.close();
      this.#client = this.#newClient(target);
      this.#target = target;
    }
    return this.#client;
  }

  #newClient(target: string): Client {
    const { serverName } = this.place;
    return new Client(target, this.#credentials, {
      'grpc.ssl_target_name_override': serverName,
      'grpc.default_authority': serverName,
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_MS_MIN,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
      'grpc.use_local_subchannel_pool': 1,
      // A request that may have been counted is not repeated behind our back.
      'grpc.enable_retries': 0,
      // Replicas are near each other: a proxy that the environment names is not meant for them.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
  }
}

/** As the library spells addresses: those of one family. */
function targetOf(targets: readonly string[], turn: number): string {
  const families = [
    { name: 'ipv4', members: targets.filter((target) => !target.startsWith('[')) },
    { name: 'ipv6', members: targets.filter((target) => target.startsWith('[')) },
  ].filter(({ members }) => members.length > 0);
  const family = families[turn % families.length];
  return family === undefined ? '' : `${family.name}:${family.members.join(',')}`;
}
