/** The network between the replicas of a fleet, which a test can cut. */
import { Cables } from './cables.ts';
import { Namespaces, namespacesProblem } from './namespaces.ts';

/** Where a replica runs. */
export interface Place {
  readonly host: string;
  /** For its peers, which may be on another network. */
  readonly peerHost: string;
  /** Words to put before the command. */
  readonly before: readonly string[];
}

/** Replicas go by their place in the fleet. */
export interface Network {
  placeOf(replica: number): Place;
  /** Port at which `from` reaches what `to` has at this one. */
  route(from: number, to: number, port: number): Promise<number>;
  /** Whether certificates can name the hosts of peers. */
  readonly isLoopback: boolean;
  /** Address of the host that runs the test, as the replica reaches it. */
  hostFor(replica: number): string;
  /** What it and its peers send each other goes nowhere, and nobody is told. */
  cut(replica: number): void;
  heal(replica: number): void;
  [Symbol.dispose](): void;
}

/** With namespaces where that is allowed, else with cables of our own. */
export function createNetwork(replicas: number): Network {
  return namespacesProblem() === null ? new Namespaces(replicas) : new Cables();
}
