/**
 * Finds the primary that Sentinels watch, and says when it is another one. Every Sentinel is asked
 * for its view several times a second, which also notices one that died; while the primary is being
 * looked for, or a Sentinel fails over, the servers themselves are asked for their role.
 * `SentinelView` decides by what came back.
 */
import type { Redis } from 'ioredis';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import type { PeerOptions } from './peer-options.ts';
import { PolledPeer } from './polled-peer.ts';
import type { PrimaryListener, PrimarySource } from './primary-source.ts';
import { addressText, type HostPort, type SentinelAddress } from './redis-options.ts';
import { parseNaming } from './sentinel-replies.ts';
import { type Naming, SentinelView } from './sentinel-view.ts';

/** While all is well: half of a second is the most that a planned failover may go unseen. */
const CALM_PERIOD_MS = 250;
const SEARCH_PERIOD_MS = 100;
/** Of servers; and of Sentinels while one fails over, as it says which replica it promotes. */
const ROLE_PERIOD_MS = 50;
/** A search that lasts looks again for what it can decide by waiting. */
const DECIDE_EVERY_MS = 50;
/** Sentinels and candidates that say nothing for so long are taken for dead. */
const SILENCE_MAX_MS = 500;
const CONNECT_TIMEOUT_MS = 500;

export interface SentinelSourceParts {
  readonly address: SentinelAddress;
  /** How the servers are connected to; the Sentinels get credentials of their own. */
  readonly server: Pick<PeerOptions, 'username' | 'password' | 'tls'>;
  readonly monotonic: () => MonotonicMs;
}

export class SentinelSource implements PrimarySource {
  readonly isRoleChecked = true;
  readonly #parts: SentinelSourceParts;
  readonly #view = new SentinelView();
  readonly #sentinels = new Map<string, PolledPeer<Naming>>();
  readonly #servers = new Map<string, PolledPeer<string>>();
  /** What each Sentinel or server failed with last, until it answers. */
  readonly #troubles = new Map<string, string>();
  #listener: PrimaryListener = { moved: () => {}, failed: () => {} };
  #found: ((address: HostPort | null) => void) | null = null;
  #deciding: NodeJS.Timeout | null = null;
  /** The last that was found. */
  #current = '';
  #isClosed = false;

  constructor(parts: SentinelSourceParts) {
    this.#parts = parts;
  }

  start(listener: PrimaryListener): void {
    this.#listener = listener;
    const { primary, sentinels, username, password } = this.#parts.address;
    for (const address of sentinels) {
      const node = addressText(address);
      if (this.#sentinels.has(node)) continue;
      const peer = this.#peer(address, { username, password, tls: this.#parts.server.tls });
      const polled = new PolledPeer({
        peer,
        ask: (redis) => askSentinel(redis, primary),
        periodMs: SEARCH_PERIOD_MS,
        answered: (naming) => this.#named(node, naming),
        failed: (error) => this.#sentinelFailed(node, error),
      });
      this.#sentinels.set(node, polled);
    }
  }

  find(): Promise<HostPort | null> {
    if (this.#isClosed) return Promise.resolve(null);
    this.#view.beginSearch(this.#parts.monotonic());
    this.#askEvery(SEARCH_PERIOD_MS);
    this.#watchServers();
    this.#deciding = setInterval(() => this.#decide(), DECIDE_EVERY_MS);
    return new Promise((resolve) => {
      this.#found = resolve;
    });
  }

  describe(): string {
    const { newest } = this.#view;
    const sentinels = [...this.#sentinels.keys()].map(
      (node) => `sentinel ${node}: ${this.#troubles.get(node) ?? 'answers'}`,
    );
    if (newest === null) return sentinels.join('; ');
    const servers = this.#view.candidates.map((server) => {
      const node = addressText(server);
      return `${node}: ${this.#troubles.get(node) ?? this.#view.roleText(server)}`;
    });
    const named = `${addressText(newest.primary)} is named primary`;
    return [named, ...servers, ...sentinels].join('; ');
  }

  close(): void {
    this.#isClosed = true;
    for (const peer of this.#sentinels.values()) peer.close();
    this.#leaveServers();
    this.#end(null);
  }

  #named(node: string, naming: Naming): void {
    this.#troubles.delete(node);
    this.#view.note(node, naming, this.#parts.monotonic());
    this.#lookAround();
  }

  #sentinelFailed(node: string, error: Error): void {
    this.#view.note(node, null, this.#parts.monotonic());
    this.#trouble(node, error, 'sentinel');
    this.#lookAround();
  }

  /** Told once for each time that a node begins to fail, or fails otherwise. */
  #trouble(node: string, error: Error, command: 'sentinel' | 'connect'): void {
    if (this.#troubles.get(node) === error.message) return;
    this.#troubles.set(node, error.message);
    this.#listener.failed(error, node, command);
  }

  #lookAround(): void {
    if (this.#found !== null) {
      this.#watchServers();
      this.#decide();
      return;
    }
    this.#askEvery(this.#view.isFailingOver ? ROLE_PERIOD_MS : CALM_PERIOD_MS);
    const other = this.#view.other(this.#parts.monotonic());
    if (other !== null) this.#moved(other);
    else if (this.#view.isFailingOver || this.#view.isDisputed) this.#watchServers();
    else this.#leaveServers();
  }

  /** Of the Sentinels. */
  #askEvery(ms: DurationMs): void {
    for (const sentinel of this.#sentinels.values()) sentinel.periodMs = ms;
  }

  /** Keeps one question for each candidate, and for nobody else. */
  #watchServers(): void {
    const candidates = this.#view.candidates;
    const wanted = new Set(candidates.map(addressText));
    for (const [node, peer] of this.#servers) {
      if (wanted.has(node)) continue;
      peer.close();
      this.#servers.delete(node);
      this.#troubles.delete(node);
    }
    for (const address of candidates) {
      const node = addressText(address);
      if (!this.#servers.has(node)) this.#servers.set(node, this.#rolePeer(address, node));
    }
  }

  #rolePeer(address: HostPort, node: string): PolledPeer<string> {
    return new PolledPeer({
      peer: this.#peer(address, this.#parts.server),
      ask: askRole,
      periodMs: ROLE_PERIOD_MS,
      answered: (role) => {
        this.#troubles.delete(node);
        this.#view.noteRole(node, role === 'master' ? 'primary' : 'replica');
        this.#weigh();
      },
      failed: (error) => {
        this.#view.noteRole(node, 'failed');
        this.#trouble(node, error, 'connect');
        this.#weigh();
      },
    });
  }

  /** A role has come: decides the search, or tells of a promotion. */
  #weigh(): void {
    if (this.#found !== null) {
      this.#decide();
      return;
    }
    const other = this.#view.other(this.#parts.monotonic());
    if (other !== null) this.#moved(other);
  }

  #moved(to: HostPort): void {
    const node = addressText(to);
    if (node === this.#current) return;
    this.#current = node;
    this.#view.release();
    this.#listener.moved(node);
  }

  #decide(): void {
    if (this.#found === null) return;
    const chosen = this.#view.choose(this.#parts.monotonic());
    if (chosen === null) return;
    this.#view.settle(chosen, this.#parts.monotonic());
    this.#current = addressText(chosen);
    this.#askEvery(CALM_PERIOD_MS);
    if (!this.#view.isFailingOver) this.#leaveServers();
    this.#end(chosen);
  }

  #end(chosen: HostPort | null): void {
    if (this.#deciding !== null) clearInterval(this.#deciding);
    const found = this.#found;
    this.#found = null;
    found?.(chosen);
  }

  #leaveServers(): void {
    for (const [node, peer] of this.#servers) {
      peer.close();
      this.#troubles.delete(node);
    }
    this.#servers.clear();
    this.#view.forgetRoles();
  }

  #peer(address: HostPort, rights: Pick<PeerOptions, 'username' | 'password' | 'tls'>) {
    return {
      ...rights,
      address,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      silenceMaxMs: SILENCE_MAX_MS,
      protocol: 2,
      awaitsLoading: false,
    } as const;
  }
}

async function askSentinel(redis: Redis, name: string): Promise<Naming> {
  const [primary, replicas] = await Promise.all([
    redis.call('sentinel', ['MASTER', name]),
    redis.call('sentinel', ['REPLICAS', name]),
  ]);
  return parseNaming(primary, replicas);
}

/** What the server calls itself; the client asks the one it is connected to as well. */
export async function askRole(redis: Redis): Promise<string> {
  const reply = await redis.call('role', []);
  return Array.isArray(reply) ? String(reply[0]) : '';
}
