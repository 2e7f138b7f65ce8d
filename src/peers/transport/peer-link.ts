/**
 * What one voter says to another: a stream that is opened again whenever it ends. Raft bears the loss of any
 * message, so nothing is kept for a peer that cannot be reached, and a peer that reads too slowly costs a
 * queue of a fixed size. A heartbeat takes the place of one that still waits: the newer says all that the
 * older did.
 *
 * A probe goes along twice a second, traffic or not. Its answer tells that the peer lives, and its clock.
 */

import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { Message } from '../../core/raft/message.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';
import {
  type Caller,
  type ExchangeRequest,
  ExchangeRequestSchema,
  type ExchangeResponse,
} from '../../gen/weir/peer/v1/peer_pb.ts';
import type { Clocks } from '../clocks.ts';
import type { Checkpoint } from '../group/divergence.ts';
import type { PeerCounts } from '../group/peer-counts.ts';
import type { PeerTime } from '../messages/peer-time.ts';
import { encodeRaftMessage } from '../messages/raft-message.ts';
import type { ExchangeStream, VoterChannel } from './voter-channel.ts';

/** Requests that wait for a peer. A leader has at most 16 appends under way to it, and a few answers. */
export const QUEUE_MAX = 64;
/** Entries of the appends that wait: as many as Raft has under way at most. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
const PROBE_MS = 500;
/** Between two attempts, growing twofold; a peer that refuses us is asked at the longest alone. */
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 1000;
const REFUSED_MS = 5000;
/** Looks that must both find a peer silent: after a pause of our own, its answers wait unread. */
const SILENT_LOOKS = 2;

export interface LinkParts {
  readonly channel: VoterChannel;
  readonly caller: Caller;
  readonly clocks: Clocks;
  readonly counts: PeerCounts;
  readonly time: PeerTime;
  /** A peer that answers no probe in so long is given up, and tried anew. */
  readonly silenceMs: DurationMs;
  readonly checkpoint: () => Checkpoint | null;
  /** The first answer of a stream. */
  readonly onFound: () => void;
  readonly onAnswer: (sentAt: MonotonicMs, wallMs: WallMs) => void;
  /** A stream that had an answer, or was refused, ended; `code` is gRPC's. */
  readonly onLost: (code: status, details: string) => void;
}

interface Waiting {
  readonly request: ExchangeRequest;
  readonly kind: Message['body']['kind'];
  readonly isHeartbeat: boolean;
  readonly bytes: number;
}

export class PeerLink {
  readonly id: NodeId;
  readonly #parts: LinkParts;
  #stream: ExchangeStream | null = null;
  #isWritable = false;
  #hasAnswered = false;
  #queue: Waiting[] = [];
  #queueBytes = 0;
  #probe = 0;
  #probedAt: MonotonicMs = -Infinity;
  /** The probe whose answer is awaited, and when it went; one at a time. */
  #awaited: { readonly probe: number; readonly sentAt: MonotonicMs } | null = null;
  #silentLooks = 0;
  #retryAt: MonotonicMs = -Infinity;
  #retryMs: DurationMs = RETRY_MS_MIN;

  constructor(id: NodeId, parts: LinkParts) {
    this.id = id;
    this.#parts = parts;
  }

  /** It answered since the stream was opened. */
  get isConnected(): boolean {
    return this.#stream !== null && this.#hasAnswered;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Sent soon, or lost. */
  send(message: Message): void {
    const { kind } = message.body;
    const waiting = waitingOf(message, this.#parts);
    if (this.#stream === null || !this.#enqueue(waiting)) {
      this.#parts.counts.message(kind, 'not_sent');
      return;
    }
    this.#pump();
  }

  /** Several times a second: opens the stream, sends probes, gives up on a silent peer. */
  tick(): void {
    const now = this.#parts.clocks.monotonic();
    if (this.#stream === null) {
      if (now >= this.#retryAt) this.#open();
      return;
    }
    if (this.#awaited !== null && now - this.#awaited.sentAt >= this.#parts.silenceMs) {
      this.#silentLooks += 1;
      if (this.#silentLooks >= SILENT_LOOKS) this.#end(status.DEADLINE_EXCEEDED, 'it is silent');
    } else if (this.#awaited === null && now - this.#probedAt >= PROBE_MS) this.#sendProbe();
  }

  close(): void {
    this.#retryAt = Infinity;
    const stream = this.#stream;
    this.#drop();
    stream?.cancel();
  }

  #open(): void {
    const stream = this.#parts.channel.exchange();
    if (stream === null) {
      this.#backOff();
      return;
    }
    this.#stream = stream;
    this.#isWritable = true;
    this.#hasAnswered = false;
    const ifCurrent = (then: () => void): void => {
      if (this.#stream === stream) then();
    };
    stream.on('data', (response) => ifCurrent(() => this.#onResponse(response)));
    stream.on('drain', () =>
      ifCurrent(() => {
        this.#isWritable = true;
        this.#pump();
      }),
    );
    stream.on('error', ({ code, details }: { code?: status; details?: string }) =>
      ifCurrent(() => this.#end(code ?? status.UNKNOWN, details ?? '')),
    );
    stream.on('end', () => ifCurrent(() => this.#end(status.UNAVAILABLE, 'it ended the stream')));
    this.#sendProbe();
  }

  #onResponse(response: ExchangeResponse): void {
    const { probe, wallMs } = response;
    this.#parts.time.take(response);
    const awaited = this.#awaited;
    if (awaited === null || Number(probe) !== awaited.probe) return;
    this.#awaited = null;
    this.#silentLooks = 0;
    if (!this.#hasAnswered) this.#parts.onFound();
    this.#hasAnswered = true;
    this.#retryMs = RETRY_MS_MIN;
    this.#parts.onAnswer(awaited.sentAt, wallMs);
  }

  /** Past the queue: it must not be kept from going by what it is to tell of. */
  #sendProbe(): void {
    if (!this.#isWritable) return;
    const { caller, clocks, checkpoint, time } = this.#parts;
    const sentAt = clocks.monotonic();
    this.#probe += 1;
    this.#probedAt = sentAt;
    this.#awaited = { probe: this.#probe, sentAt };
    const made = checkpoint();
    this.#write(
      create(ExchangeRequestSchema, {
        caller,
        probe: BigInt(this.#probe),
        time: time.stamp(),
        ...(made === null
          ? {}
          : { checkpoint: { index: BigInt(made.index), fingerprint: made.fingerprint } }),
      }),
    );
  }

  /** False when there is no room. */
  #enqueue(waiting: Waiting): boolean {
    if (waiting.isHeartbeat) {
      const older = this.#queue.findIndex(({ isHeartbeat }) => isHeartbeat);
      if (older >= 0) {
        this.#queue[older] = waiting;
        this.#parts.counts.message(waiting.kind, 'not_sent');
        return true;
      }
    }
    const bytes = this.#queueBytes + waiting.bytes;
    if (this.#queue.length >= QUEUE_MAX || bytes > QUEUE_BYTES_MAX) return false;
    this.#queue.push(waiting);
    this.#queueBytes = bytes;
    return true;
  }

  #pump(): void {
    while (this.#isWritable && this.#stream !== null) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#queueBytes -= next.bytes;
      this.#parts.counts.message(next.kind, 'sent');
      this.#write(next.request);
    }
  }

  #write(request: ExchangeRequest): void {
    this.#isWritable = this.#stream?.write(request) ?? false;
  }

  #end(code: status, details: string): void {
    const stream = this.#stream;
    const isNews = this.#hasAnswered || isRefusal(code);
    this.#drop();
    stream?.cancel();
    this.#backOff(code);
    this.#parts.channel.noteFailure(code);
    if (isNews) this.#parts.onLost(code, details);
  }

  #drop(): void {
    for (const { kind } of this.#queue) this.#parts.counts.message(kind, 'not_sent');
    this.#stream = null;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#awaited = null;
    this.#silentLooks = 0;
  }

  #backOff(code: status = status.UNAVAILABLE): void {
    const { monotonic, random } = this.#parts.clocks;
    const pause = isRefusal(code) ? REFUSED_MS : this.#retryMs;
    this.#retryAt = monotonic() + pause * (0.5 + random() / 2);
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
  }
}

function isRefusal(code: status): boolean {
  return code === status.FAILED_PRECONDITION || code === status.PERMISSION_DENIED;
}

function waitingOf(message: Message, { caller, time }: LinkParts): Waiting {
  const { body } = message;
  const entries = body.kind === 'append' ? body.entries : [];
  const chunk = body.kind === 'snapshot-chunk' ? body.bytes.length : 0;
  return {
    request: create(ExchangeRequestSchema, {
      caller,
      message: encodeRaftMessage(message),
      time: time.stamp(),
    }),
    kind: body.kind,
    isHeartbeat: body.kind === 'append' && entries.length === 0,
    bytes: entries.reduce((sum, { payload }) => sum + (payload?.length ?? 0), chunk),
  };
}
