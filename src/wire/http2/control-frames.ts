/**
 * SETTINGS, PING, WINDOW_UPDATE, GOAWAY, PRIORITY: what is about the connection, not a request.
 */
import type { ConnectionState } from './connection-state.ts';
import { Flood } from './flood-guard.ts';
import type { Frame } from './frame-reader.ts';
import {
  ErrorCode,
  Flag,
  FRAME_BYTES_LIMIT,
  FRAME_BYTES_MAX,
  INT31_MAX,
  readUint31,
  readUint32,
  SettingId,
} from './protocol.ts';

const SETTING_BYTES = 6;

export class ControlFrames {
  readonly #state: ConnectionState;
  readonly #onPong: (payload: Uint8Array) => void;

  /** `onPong` gets the payload of a PING that the peer answered. */
  constructor(state: ConnectionState, onPong: (payload: Uint8Array) => void) {
    this.#state = state;
    this.#onPong = onPong;
  }

  onSettings(frame: Frame): void {
    const state = this.#state;
    const length = frame.end - frame.start;
    const isAck = (frame.flags & Flag.ACK) !== 0;
    if (frame.streamId !== 0) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'SETTINGS on a stream');
    } else if (length % SETTING_BYTES !== 0 || (isAck && length > 0)) {
      state.fail(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS of a wrong size');
    } else {
      state.countFlood(Flood.SETTINGS);
      if (state.isFinished || isAck) return;
      this.#applyAll(frame);
    }
  }

  onPing(frame: Frame): void {
    const state = this.#state;
    if (frame.streamId !== 0) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'PING on a stream');
    } else if (frame.end - frame.start !== 8) {
      state.fail(ErrorCode.FRAME_SIZE_ERROR, 'PING of a wrong size');
    } else {
      state.countFlood(Flood.PING);
      if (state.isFinished) return;
      const payload = frame.bytes.subarray(frame.start, frame.end);
      if ((frame.flags & Flag.ACK) !== 0) this.#onPong(payload);
      else state.sender.ping(payload, true);
    }
  }

  onWindowUpdate(frame: Frame): void {
    const state = this.#state;
    if (frame.end - frame.start !== 4) {
      state.fail(ErrorCode.FRAME_SIZE_ERROR, 'WINDOW_UPDATE of a wrong size');
      return;
    }
    state.countFlood(Flood.WINDOW_UPDATE);
    if (state.isFinished) return;
    const bytes = readUint31(frame.bytes, frame.start);
    if (frame.streamId === 0) this.#widen(bytes);
    else this.#widenStream(frame.streamId, bytes);
  }

  /** The peer opens no more streams; those it has are answered. */
  onGoAway(frame: Frame): void {
    if (frame.streamId !== 0) {
      this.#state.fail(ErrorCode.PROTOCOL_ERROR, 'GOAWAY on a stream');
    } else if (frame.end - frame.start < 8) {
      this.#state.fail(ErrorCode.FRAME_SIZE_ERROR, 'GOAWAY of a wrong size');
    } else {
      this.#state.countFlood(Flood.IDLE_FRAME);
    }
  }

  /** Checked and ignored: RFC 9113, 5.3.2 has given the scheme up. */
  onPriority(frame: Frame): void {
    const state = this.#state;
    const id = frame.streamId;
    if (id === 0) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'PRIORITY on stream 0');
    } else if (frame.end - frame.start !== 5) {
      this.#failPriority(id, ErrorCode.FRAME_SIZE_ERROR);
    } else if (readUint31(frame.bytes, frame.start) === id) {
      this.#failPriority(id, ErrorCode.PROTOCOL_ERROR);
    } else {
      state.countFlood(Flood.IDLE_FRAME);
    }
  }

  /** An idle stream cannot be reset: RST_STREAM on it would be an error of this side. */
  #failPriority(id: number, code: ErrorCode): void {
    const state = this.#state;
    if (id > state.streams.lastId) state.fail(code, 'broken PRIORITY');
    else state.failStream(id, code);
  }

  /** The new window lets waiting DATA go: peers expect to see the acknowledgement before it. */
  #applyAll(frame: Frame): void {
    const state = this.#state;
    let window = state.sender.initialWindow;
    for (let at = frame.start; at < frame.end && !state.isFinished; at += SETTING_BYTES) {
      const id = ((frame.bytes[at] as number) << 8) | (frame.bytes[at + 1] as number);
      const value = readUint32(frame.bytes, at + 2);
      if (id === SettingId.INITIAL_WINDOW_SIZE) window = value;
      this.#apply(id, value);
    }
    if (state.isFinished) return;
    state.sender.acknowledgeSettings();
    this.#resizeWindows(window);
  }

  #apply(id: number, value: number): void {
    const state = this.#state;
    if (id === SettingId.HEADER_TABLE_SIZE) {
      state.sender.noteTableSize();
    } else if (id === SettingId.ENABLE_PUSH) {
      if (value > 1) state.fail(ErrorCode.PROTOCOL_ERROR, 'ENABLE_PUSH beyond 1');
    } else if (id === SettingId.MAX_FRAME_SIZE) {
      // Frames of this side never exceed what every peer takes.
      if (value < FRAME_BYTES_MAX || value > FRAME_BYTES_LIMIT) {
        state.fail(ErrorCode.PROTOCOL_ERROR, 'MAX_FRAME_SIZE out of range');
      }
    } else if (id === SettingId.INITIAL_WINDOW_SIZE && value > INT31_MAX) {
      state.fail(ErrorCode.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE out of range');
    }
  }

  /** RFC 9113, 6.9.2: open streams' windows move by the difference, below 0 if need be. */
  #resizeWindows(value: number): void {
    const { sender, streams } = this.#state;
    const change = value - sender.initialWindow;
    if (change === 0) return;
    sender.initialWindow = value;
    for (const stream of streams.open()) {
      if (sender.widenStream(stream, change)) continue;
      this.#state.fail(ErrorCode.FLOW_CONTROL_ERROR, 'a window beyond its limit');
      return;
    }
  }

  #widen(bytes: number): void {
    const state = this.#state;
    if (bytes === 0) state.fail(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0');
    else if (!state.sender.widen(bytes)) {
      state.fail(ErrorCode.FLOW_CONTROL_ERROR, 'a window beyond its limit');
    }
  }

  #widenStream(id: number, bytes: number): void {
    const state = this.#state;
    const { streams } = state;
    if (id > streams.lastId) {
      if (id <= state.lastIdAccepted) {
        state.fail(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream');
      }
      return;
    }
    const stream = streams.get(id);
    if (stream === undefined) return;
    if (bytes === 0) state.failStream(id, ErrorCode.PROTOCOL_ERROR);
    else if (!state.sender.widenStream(stream, bytes)) {
      state.failStream(id, ErrorCode.FLOW_CONTROL_ERROR);
    }
  }
}
