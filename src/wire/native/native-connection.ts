/**
 * A socket with an Http2Connection on it: bytes across, pressure both ways, age, and the end.
 */
import type { Socket } from 'node:net';
import type { GrpcService } from '../grpc/grpc-service.ts';
import { Http2Connection } from '../http2/connection.ts';
import type { Http2Counters } from '../http2/counters.ts';
import type { Http2Limits } from '../http2/limits.ts';
import { OutputBuffer, type OutputMemory } from '../http2/output-buffer.ts';
import type { Flusher } from './flusher.ts';
import type { Turns } from './turns.ts';

export interface ConnectionTimes {
  /** Leaves at this age; 0: never. */
  readonly ageMsMax: number;
  /** Then calls may finish for this long; 0: for ever. */
  readonly ageGraceMs: number;
  readonly lingerMs: number;
}

/** What all connections of a server share. */
export interface ConnectionPlace {
  readonly service: GrpcService;
  readonly limits: Http2Limits;
  readonly counters: Http2Counters;
  readonly memory: OutputMemory;
  readonly flusher: Flusher;
  readonly turns: Turns;
  readonly turnBytesMax: number;
  readonly backlogBytesMax: number;
}

/** A socket is read again in one turn only when it filled a read: shorter chunks end its turn. */
const LARGE_CHUNK_BYTES = 16_384;

export class NativeConnection {
  readonly #socket: Socket;
  readonly #place: ConnectionPlace;
  readonly #times: ConnectionTimes;
  readonly #output: OutputBuffer;
  readonly #http2: Http2Connection;
  readonly #bornMs: number;
  /** When the transport last took all it was given. */
  #movedMs: number;
  /** When its age made it leave; 0 before. */
  #agedMs = 0;
  /** When nothing was left to say; 0 before. */
  #finishedMs = 0;
  #turn = -1;
  #turnBytes = 0;
  #isWaiting = false;
  #isPaused = false;
  #isFlushDue = false;

  /** `denial` is the reason why calls of this peer are refused, or ''. */
  constructor(socket: Socket, place: ConnectionPlace, times: ConnectionTimes, denial: string) {
    const nowMs = performance.now();
    this.#socket = socket;
    this.#place = place;
    this.#times = times;
    this.#bornMs = nowMs;
    this.#movedMs = nowMs;
    const { limits, counters, memory, service } = place;
    this.#output = new OutputBuffer(memory, limits.outputBytesMax, () => this.#haveOutput());
    const listener = service.connect(denial, () =>
      this.#http2.calm('too many incomplete requests'),
    );
    const output = this.#output;
    this.#http2 = new Http2Connection({ limits, counters, output, listener, nowMs });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    // A 'close' follows, which is all that matters.
    socket.on('error', () => {});
    socket.once('close', () => this.#onClose());
  }

  get callCount(): number {
    return this.#http2.callCount;
  }

  flush(): void {
    this.#isFlushDue = false;
    const socket = this.#socket;
    const output = this.#output;
    if (output.hasOverflowed) {
      this.#place.counters.overflows++;
      socket.destroy();
      return;
    }
    // What the peer does not take yet stays here, in one piece, and bounded.
    if (output.length === 0 || socket.destroyed || socket.writableNeedDrain) return;
    const { length } = output;
    const bytes = output.take();
    this.#place.counters.bytesSent += length;
    socket.write(bytes.subarray(0, length));
    // The system has it all: the memory is free again.
    if (socket.writableLength === 0) this.#place.memory.release(bytes);
    this.#regulate();
    if (this.#http2.isFinished) this.#finish();
  }

  tick(nowMs: number): void {
    const { ageMsMax, ageGraceMs, lingerMs } = this.#times;
    if (this.#socket.writableLength > 0) {
      if (nowMs - this.#movedMs >= this.#place.limits.stallMsMax) this.#stall();
    } else {
      this.#movedMs = nowMs;
      if (this.#finishedMs > 0 && nowMs - this.#finishedMs >= lingerMs) this.#socket.destroy();
    }
    this.#http2.tick(nowMs);
    if (ageMsMax === 0) return;
    if (this.#agedMs === 0) {
      if (nowMs - this.#bornMs < ageMsMax) return;
      this.#agedMs = Math.max(nowMs, 1);
      this.leave(nowMs);
    }
    if (ageGraceMs > 0 && nowMs - this.#agedMs >= ageGraceMs) this.#http2.cut();
  }

  leave(nowMs: number): void {
    this.#http2.leave(nowMs);
  }

  /** Gives up the calls in flight, says so and closes. */
  cut(): void {
    this.#http2.cut();
  }

  resume(): void {
    this.#isWaiting = false;
    this.#regulate();
  }

  #onData(chunk: Buffer): void {
    this.#http2.receive(chunk, performance.now());
    if (this.#http2.isFinished) this.#finish();
    if (chunk.length >= LARGE_CHUNK_BYTES) this.#countTurn(chunk.length);
    this.#regulate();
  }

  #countTurn(bytes: number): void {
    const { turns, turnBytesMax } = this.#place;
    const turn = turns.current();
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#turnBytes = 0;
    }
    this.#turnBytes += bytes;
    if (this.#turnBytes < turnBytesMax || this.#isWaiting) return;
    this.#isWaiting = true;
    turns.wait(this);
  }

  /** Reads only while the peer has its turn and takes its answers. */
  #regulate(): void {
    const { writableLength, writableNeedDrain } = this.#socket;
    // Without a 'drain' to come nothing would end the pause.
    const isBehind =
      writableNeedDrain && writableLength + this.#output.length > this.#place.backlogBytesMax;
    const isPaused = (this.#isWaiting || isBehind) && this.#finishedMs === 0;
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  #onDrain(): void {
    this.#movedMs = performance.now();
    this.flush();
    this.#regulate();
  }

  #stall(): void {
    this.#place.counters.stalls++;
    this.#socket.destroy();
  }

  #haveOutput(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#place.flusher.add(this);
  }

  /** The last frame is written or about to be: this side closes, and waits for the peer's close. */
  #finish(): void {
    if (this.#finishedMs > 0 || this.#output.length > 0) return;
    this.#finishedMs = Math.max(performance.now(), 1);
    this.#socket.end();
    // What still comes is read and dropped, or the system would reset what is on its way out.
    this.#regulate();
  }

  #onClose(): void {
    this.#http2.lose();
    const bytes = this.#output.take();
    if (bytes.length > 0) this.#place.memory.release(bytes);
    this.#place.counters.connectionsClosed++;
  }
}
