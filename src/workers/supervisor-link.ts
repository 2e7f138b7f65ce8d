/**
 * A worker's side of the channel to its supervisor. It outlives the supervisor: what is sent then goes
 * nowhere, and the worker is told once.
 */
import type { Socket } from 'node:net';
import type { Order, Report } from './protocol.ts';

/** The part of `process` that is the channel. */
export interface Channel {
  readonly connected: boolean;
  send?(message: unknown, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, socket?: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

export class SupervisorLink {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get isConnected(): boolean {
    return this.#channel.connected;
  }

  onOrder(listener: (order: Order, socket: Socket | undefined) => void): void {
    this.#channel.on('message', (order, socket) =>
      listener(order as Order, socket as Socket | undefined),
    );
  }

  onLost(listener: () => void): void {
    this.#channel.once('disconnect', listener);
  }

  /** Resolves when it was written, or cannot be. */
  send(report: Report): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#channel.connected || this.#channel.send === undefined) return resolve();
      this.#channel.send(report, () => resolve());
    });
  }
}
