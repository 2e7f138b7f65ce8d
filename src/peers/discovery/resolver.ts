/**
 * Names to addresses, by the system. Host names go the way of every other program (`getaddrinfo`: hosts
 * file, search domains of a Kubernetes pod), SRV names to the name server.
 *
 * `getaddrinfo` blocks a thread of the pool that also syncs the raft log, for as long as a name server is
 * silent. So one is asked at a time, whatever many voters there are.
 */
import { lookup, resolveSrv } from 'node:dns/promises';

export interface ServicePlace {
  readonly host: string;
  readonly port: number;
}

export interface Resolver {
  /** IP addresses of a host. Rejects when there is none. */
  addresses(host: string): Promise<readonly string[]>;
  /** Targets of an SRV name. */
  services(name: string): Promise<readonly ServicePlace[]>;
}

export class SystemResolver implements Resolver {
  /** Callers ask once at a time and voter, so what waits here is as many as voters at most. */
  #last: Promise<unknown> = Promise.resolve();

  addresses(host: string): Promise<readonly string[]> {
    const turn = this.#last.then(() => lookup(host, { all: true }));
    this.#last = turn.catch(() => undefined);
    return turn.then((found) => found.map(({ address }) => address));
  }

  async services(name: string): Promise<readonly ServicePlace[]> {
    const records = await resolveSrv(name);
    return records.map(({ name: host, port }) => ({ host, port }));
  }
}
