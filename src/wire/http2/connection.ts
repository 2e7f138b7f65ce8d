/**
 * One HTTP/2 connection, server side, without a socket: bytes and times in, frames out.
 *
 *   transport ── receive(bytes) ──▶ FrameReader ─▶ RequestFrames ─▶ RequestListener (the calls)
 *                                              └─▶ ControlFrames
 *   transport ◀── output ── FrameSender ◀── answers, whenever they come
 *
 * The transport sends what is in `output` when it is told that something is, and closes the socket
 * once `isFinished` and the output is sent. `tick` is its clock: about once a second.
 *
 * Leaving gracefully takes two steps (RFC 9113, 6.8): a GOAWAY that refuses nothing, with a PING;
 * when its answer shows that the peer has read it, a GOAWAY with the last stream taken. Calls up to
 * that one are answered, then the connection is finished.
 */
import { ConnectionState } from './connection-state.ts';
import { ControlFrames } from './control-frames.ts';
import type { Http2Counters } from './counters.ts';
import { Flood } from './flood-guard.ts';
import { type Frame, type FrameListener, FrameReader } from './frame-reader.ts';
import type { Http2Limits } from './limits.ts';
import type { OutputBuffer } from './output-buffer.ts';
import {
  CLIENT_PREFACE,
  ErrorCode,
  FrameType,
  INITIAL_WINDOW_BYTES,
  INT31_MAX,
  SettingId,
} from './protocol.ts';
import { RequestFrames, type RequestListener } from './request-frames.ts';

export interface ConnectionOptions {
  readonly limits: Http2Limits;
  readonly counters: Http2Counters;
  readonly output: OutputBuffer;
  readonly listener: RequestListener;
  /** Monotonic. */
  readonly nowMs: number;
}

/** The peer has this long to answer the PING between the two steps of leaving. */
const LEAVE_STEP_MS = 1000;
const LEAVE_PING = Uint8Array.of(0x77, 0x65, 0x69, 0x72, 0x2d, 0x62, 0x79, 0x65);
const KEEPALIVE_PING = Uint8Array.of(0x77, 0x65, 0x69, 0x72, 0x2d, 0x68, 0x69, 0x3f);

export class Http2Connection implements FrameListener {
  readonly #state: ConnectionState;
  readonly #reader = new FrameReader(this);
  readonly #requests: RequestFrames;
  readonly #control: ControlFrames;
  #prefaceBytes = 0;
  #hasSettings = false;
  /** When the frame began that has arrived only in part. */
  #frameBeganMs: number;
  #heardMs: number;
  /** When the unanswered keepalive PING was sent; 0 without one. */
  #pingedMs = 0;
  /** When the first step of leaving was taken; 0 while staying. */
  #leavingMs = 0;

  constructor(options: ConnectionOptions) {
    const { limits, counters, output, listener, nowMs } = options;
    this.#state = new ConnectionState(limits, counters, output);
    this.#requests = new RequestFrames(this.#state, listener);
    this.#control = new ControlFrames(this.#state, (payload) => this.#onPong(payload));
    this.#frameBeganMs = nowMs;
    this.#heardMs = nowMs;
    this.#state.sender.nowMs = nowMs;
    counters.connectionsOpened++;
    this.#greet(limits);
  }

  /** Nothing more is to be said after the output: the transport may be closed. */
  get isFinished(): boolean {
    return this.#state.isFinished;
  }

  /** Calls that are neither answered nor given up. */
  get callCount(): number {
    return this.#state.streams.workCount;
  }

  get isLeaving(): boolean {
    return this.#leavingMs > 0;
  }

  /** Reads a chunk; it may be reused afterwards. */
  receive(chunk: Uint8Array, nowMs: number): void {
    const state = this.#state;
    if (state.isFinished) return;
    state.sender.nowMs = nowMs;
    state.guard.advance(nowMs);
    state.counters.bytesReceived += chunk.length;
    this.#heardMs = nowMs;
    this.#pingedMs = 0;
    const { cutCount } = this.#reader;
    const at = this.#prefaceBytes < CLIENT_PREFACE.length ? this.#readPreface(chunk) : 0;
    if (at < 0) return;
    this.#reader.read(chunk, at);
    if (cutCount !== this.#reader.cutCount) this.#frameBeganMs = nowMs;
    state.finishWhenLeft();
  }

  /** Looks after what has been waiting too long. */
  tick(nowMs: number): void {
    const state = this.#state;
    if (state.isFinished) return;
    state.sender.nowMs = nowMs;
    this.#checkArrival(nowMs);
    if (!state.isFinished) this.#checkStreams(nowMs);
    if (!state.isFinished) this.#checkKeepalive(nowMs);
    const isStepDue = this.#leavingMs > 0 && nowMs - this.#leavingMs >= LEAVE_STEP_MS;
    if (isStepDue) this.#takeSecondStep();
    state.finishWhenLeft();
  }

  /** Asks the peer to go elsewhere; calls in flight are answered. */
  leave(nowMs: number): void {
    if (this.#state.isFinished || this.#leavingMs > 0) return;
    this.#leavingMs = Math.max(nowMs, 1);
    this.#state.sender.goAway(INT31_MAX, ErrorCode.NO_ERROR, '');
    this.#state.sender.ping(LEAVE_PING, false);
  }

  /** Gives up the calls in flight and says so. */
  cut(): void {
    if (this.#state.isFinished) return;
    this.#state.sender.goAway(this.#state.streams.lastId, ErrorCode.NO_ERROR, '');
    this.#state.finish();
  }

  /** Ends the connection because its peer took more than its share. `text`: short, ASCII. */
  calm(text: string): void {
    this.#state.fail(ErrorCode.ENHANCE_YOUR_CALM, text);
  }

  /** The transport is gone, or takes nothing any more. */
  lose(): void {
    if (!this.#state.isFinished) this.#state.finish();
  }

  onFrame(frame: Frame): boolean {
    const state = this.#state;
    const expected = this.#requests.blocks.streamId;
    if (!this.#hasSettings && frame.type !== FrameType.SETTINGS) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'the first frame is no SETTINGS');
    } else if ((frame.type === FrameType.CONTINUATION) !== expected > 0) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION missing or out of place');
    } else if (expected > 0 && frame.streamId !== expected) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION of another stream');
    } else {
      this.#dispatch(frame);
    }
    return !state.isFinished;
  }

  onOversize(): void {
    this.#state.fail(ErrorCode.FRAME_SIZE_ERROR, 'frame too large');
  }

  #dispatch(frame: Frame): void {
    switch (frame.type) {
      case FrameType.HEADERS:
        return this.#requests.onHeaders(frame);
      case FrameType.DATA:
        return this.#requests.onData(frame);
      case FrameType.CONTINUATION:
        return this.#requests.onContinuation(frame);
      case FrameType.RST_STREAM:
        return this.#requests.onReset(frame);
      case FrameType.WINDOW_UPDATE:
        return this.#control.onWindowUpdate(frame);
      case FrameType.PING:
        return this.#control.onPing(frame);
      case FrameType.SETTINGS:
        this.#hasSettings = true;
        return this.#control.onSettings(frame);
      case FrameType.PRIORITY:
        return this.#control.onPriority(frame);
      case FrameType.GOAWAY:
        return this.#control.onGoAway(frame);
      case FrameType.PUSH_PROMISE:
        return this.#state.fail(ErrorCode.PROTOCOL_ERROR, 'PUSH_PROMISE from a client');
      default:
        return this.#state.countFlood(Flood.IDLE_FRAME);
    }
  }

  #greet(limits: Http2Limits): void {
    const pairs: [number, number][] = [
      [SettingId.MAX_CONCURRENT_STREAMS, limits.concurrentStreamsMax],
      [SettingId.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
    ];
    if (limits.hpackTableBytesMax !== 4096) {
      pairs.push([SettingId.HEADER_TABLE_SIZE, limits.hpackTableBytesMax]);
    }
    if (limits.streamWindowBytes !== INITIAL_WINDOW_BYTES) {
      pairs.push([SettingId.INITIAL_WINDOW_SIZE, limits.streamWindowBytes]);
    }
    this.#state.sender.settings(pairs);
    this.#requests.openWindow();
  }

  /** Where the frames begin in the chunk; -1 while they do not. */
  #readPreface(chunk: Uint8Array): number {
    const due = CLIENT_PREFACE.length - this.#prefaceBytes;
    const length = Math.min(due, chunk.length);
    for (let i = 0; i < length; i++) {
      if (chunk[i] === CLIENT_PREFACE[this.#prefaceBytes + i]) continue;
      this.#state.fail(ErrorCode.PROTOCOL_ERROR, 'not HTTP/2');
      return -1;
    }
    this.#prefaceBytes += length;
    return length < due ? -1 : length;
  }

  #onPong(payload: Uint8Array): void {
    if (this.#leavingMs > 0 && payload.every((byte, i) => byte === LEAVE_PING[i])) {
      this.#takeSecondStep();
    }
  }

  #takeSecondStep(): void {
    const state = this.#state;
    if (state.isFinished || state.lastIdAccepted !== INT31_MAX) return;
    state.lastIdAccepted = state.streams.lastId;
    state.sender.goAway(state.lastIdAccepted, ErrorCode.NO_ERROR, '');
  }

  /** Slow writers: the preface and SETTINGS, a frame, a header block. */
  #checkArrival(nowMs: number): void {
    const { limits } = this.#state;
    const { blocks } = this.#requests;
    const isCut = !this.#hasSettings || this.#reader.isInsideFrame;
    const isLate =
      (isCut && nowMs - this.#frameBeganMs >= limits.requestMsMax) ||
      (blocks.streamId > 0 && nowMs - blocks.beganMs >= limits.requestMsMax);
    if (isLate) this.#stall('too slow to send a frame');
  }

  /** Slow writers of requests, slow readers of answers. Bounded by concurrentStreamsMax. */
  #checkStreams(nowMs: number): void {
    const state = this.#state;
    const { requestMsMax, stallMsMax } = state.limits;
    for (const stream of state.streams.open()) {
      const isLate = !stream.isRemoteDone && nowMs - stream.openedMs >= requestMsMax;
      const isStuck = stream.outbox !== null && nowMs - stream.outbox.sinceMs >= stallMsMax;
      if (!isLate && !isStuck) continue;
      state.counters.stalls++;
      state.failStream(stream.id, ErrorCode.ENHANCE_YOUR_CALM);
    }
  }

  #checkKeepalive(nowMs: number): void {
    const { keepaliveMs, keepaliveTimeoutMs } = this.#state.limits;
    if (keepaliveMs === 0) return;
    if (this.#pingedMs > 0) {
      if (nowMs - this.#pingedMs >= keepaliveTimeoutMs) this.#stall('no answer to a PING');
    } else if (nowMs - this.#heardMs >= keepaliveMs) {
      this.#pingedMs = Math.max(nowMs, 1);
      this.#state.sender.ping(KEEPALIVE_PING, false);
    }
  }

  #stall(text: string): void {
    this.#state.counters.stalls++;
    this.#state.fail(ErrorCode.ENHANCE_YOUR_CALM, text);
  }
}
