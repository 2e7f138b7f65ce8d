/**
 * Where a voter is. Its id never changes, its addresses may: a pod that comes back has another. They are
 * looked up again every half a minute, and soon after a connection has failed; while a look-up fails,
 * the addresses that were known stay in use.
 */
import { isIP, isIPv6 } from 'node:net';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type { Resolver } from './resolver.ts';

export interface VoterAddress {
  readonly id: NodeId;
  /** An IP address, a host name, or with port null the name of SRV records. */
  readonly host: string;
  readonly port: number | null;
}

/** Names are looked up again after this: pods move rarely, and a failed connection asks sooner. */
const REFRESH_MS = 30_000;
/** Between two look-ups, however many connections fail. */
const PAUSE_MS = 1000;
/** A voter is one process; more addresses than its interfaces are a wrong name. */
const ADDRESSES_MAX = 8;

export class VoterPlace {
  readonly voter: VoterAddress;
  readonly #resolver: Resolver;
  readonly #monotonic: () => MonotonicMs;
  readonly #isFixed: boolean;
  #targets: readonly string[] = [];
  /** The name that a certificate must carry. */
  #serverName: string;
  #askedAt: MonotonicMs = -Infinity;
  #isAsking = false;
  /** Look-ups that brought nothing, for metrics. */
  failures = 0;

  constructor(voter: VoterAddress, resolver: Resolver, monotonic: () => MonotonicMs) {
    this.voter = voter;
    this.#resolver = resolver;
    this.#monotonic = monotonic;
    this.#serverName = voter.host;
    this.#isFixed = voter.port !== null && isIP(voter.host) !== 0;
    if (voter.port !== null && this.#isFixed) this.#targets = [socketText(voter.host, voter.port)];
  }

  /** `address:port` each; empty while none is known. */
  get targets(): readonly string[] {
    return this.#targets;
  }

  get serverName(): string {
    return this.#serverName;
  }

  /** Looks up what is old; `hasFailed`: a connection to what is known did not come about. */
  async refresh(hasFailed: boolean): Promise<void> {
    const age = this.#monotonic() - this.#askedAt;
    const isDue = hasFailed || this.#targets.length === 0 ? age >= PAUSE_MS : age >= REFRESH_MS;
    if (this.#isFixed || this.#isAsking || !isDue) return;
    this.#askedAt = this.#monotonic();
    this.#isAsking = true;
    try {
      await this.#lookUp();
    } catch {
      this.failures += 1;
    } finally {
      this.#isAsking = false;
    }
  }

  async #lookUp(): Promise<void> {
    const { host, port } = await this.#service();
    const found = isIP(host) === 0 ? await this.#resolver.addresses(host) : [host];
    const targets = found
      .filter((address) => isIP(address) !== 0)
      .slice(0, ADDRESSES_MAX)
      .map((address) => socketText(address, port));
    if (targets.length === 0) throw new Error(`${host} has no address`);
    this.#targets = targets;
    this.#serverName = host;
  }

  /** Of several SRV targets, the one whose first label is the voter's id. */
  async #service(): Promise<{ readonly host: string; readonly port: number }> {
    const { id, host, port } = this.voter;
    if (port !== null) return { host, port };
    const services = await this.#resolver.services(host);
    const own = services.find((service) => service.host.split('.')[0] === id);
    const found = own ?? (services.length === 1 ? services[0] : undefined);
    if (found === undefined) throw new Error(`${host} has no service of ${id}`);
    return found;
  }
}

function socketText(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
