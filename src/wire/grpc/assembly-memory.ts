/**
 * Memory of request messages that have arrived only in part. One connection's share is bounded, and
 * so is the sum over all: a thousand peers that each send half a message must not add up.
 *
 * When the sum is reached, whoever holds most gives way: the asker, whose call is then refused, or
 * another connection, which is ended. A caller with one ordinary request in pieces is never that.
 */
import type { GrpcCounters } from './grpc-service.ts';
import type { AssemblyBudget } from './message-reader.ts';

export interface AssemblyBounds {
  /** Bytes of one connection. */
  readonly assemblyBytesMax: number;
  /** Bytes of all connections together. */
  readonly assemblyTotalBytesMax: number;
}

export class AssemblyMemory {
  readonly bounds: AssemblyBounds;
  readonly counters: GrpcCounters;
  /** Held now, by all connections. */
  bytes = 0;
  /** Connections that hold anything; bounded by connectionsMax. */
  readonly holders = new Set<ConnectionAssembly>();

  constructor(bounds: AssemblyBounds, counters: GrpcCounters) {
    this.bounds = bounds;
    this.counters = counters;
  }

  /** Ends holders of more than `bytesOfAsker` until `bytes` more fit; false when that is nobody. */
  makeRoom(bytes: number, bytesOfAsker: number): boolean {
    while (this.bytes + bytes > this.bounds.assemblyTotalBytesMax) {
      let largest: ConnectionAssembly | null = null;
      for (const holder of this.holders) {
        if (holder.bytes > (largest?.bytes ?? bytesOfAsker)) largest = holder;
      }
      if (largest === null) return false;
      this.counters.assembliesEvicted++;
      largest.evict();
    }
    return true;
  }
}

/** One connection's share. */
export class ConnectionAssembly implements AssemblyBudget {
  readonly #memory: AssemblyMemory;
  /** Ends the connection, which gives all it holds. */
  readonly evict: () => void;
  bytes = 0;

  constructor(memory: AssemblyMemory, evict: () => void) {
    this.#memory = memory;
    this.evict = evict;
  }

  take(bytes: number): boolean {
    const memory = this.#memory;
    const bytesThen = this.bytes + bytes;
    if (bytesThen > memory.bounds.assemblyBytesMax || !memory.makeRoom(bytes, bytesThen)) {
      memory.counters.assembliesRefused++;
      return false;
    }
    this.bytes = bytesThen;
    memory.bytes += bytes;
    memory.holders.add(this);
    return true;
  }

  give(bytes: number): void {
    if (bytes === 0) return;
    this.bytes -= bytes;
    this.#memory.bytes -= bytes;
    if (this.bytes === 0) this.#memory.holders.delete(this);
  }
}
