/** Where the Redis is that counts now. A connection asks before each attempt to connect. */
import type { NodeAddress } from './redis-options.ts';

export interface PrimaryListener {
  /** Another server counts from now on: the connection there is to be left. */
  readonly moved: (to: string) => void;
  /** The search itself met trouble at a server. */
  readonly failed: (error: Error, node: string, command: 'sentinel' | 'connect') => void;
}

export interface PrimarySource {
  /** A server that was found says itself, once connected, whether it counts. */
  readonly isRoleChecked: boolean;
  start(listener: PrimaryListener): void;
  /** Resolves when it is known, null when closed before; never rejects. */
  find(): Promise<NodeAddress | null>;
  /** What the search knows so far, for an error; '' for nothing. */
  describe(): string;
  close(): void;
}

/** One Redis that never moves. */
export class FixedPrimary implements PrimarySource {
  readonly isRoleChecked = false;
  readonly #address: NodeAddress;

  constructor(address: NodeAddress) {
    this.#address = address;
  }

  start(): void {}

  find(): Promise<NodeAddress> {
    return Promise.resolve(this.#address);
  }

  describe(): string {
    return '';
  }

  close(): void {}
}
