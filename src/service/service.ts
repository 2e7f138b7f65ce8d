/**
 * The life of a running Weir: parts start in an order in which each finds what it needs, and stop in the
 * order that loses no request.
 *
 * Start: rules, then the store, then the ports, gRPC last: whoever can connect is answered by the rules.
 * A store that is not there does not keep the service from starting; health says so.
 *
 * Stop: health says NOT_SERVING, `drainDelayMs` later (time for Envoy to notice) the ports stop accepting
 * and calls in flight finish within `drainTimeoutMs`, then the store settles what it holds and closes. What
 * was recorded of all that is written last.
 */
import type { DurationMs } from '../core/time.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { HealthState } from '../rpc/health-state.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RpcServer } from '../wire/rpc-server.ts';
import type { TlsReload } from './tls-reload.ts';

/** A listener beside gRPC. */
export interface SideListener {
  listen(): Promise<number>;
  close(graceMs: DurationMs): Promise<void>;
}

/** This replica's part in the sharing out of global quotas. */
export interface QuotaPart {
  /** Rejects with a message for the operator when its port cannot be had. */
  start(): Promise<void>;
  /** Gives back what it holds, and leadership. Never rejects. */
  stop(): Promise<void>;
}

/** What records the service's own life, and that of its parts. */
export interface EventsPart {
  /** Connects in the background. */
  start(): void;
  /** The drain has begun. */
  stopping(): void;
  /** Writes what waits, for a short time. Never rejects. */
  stop(): Promise<void>;
}

export interface ServiceParts {
  readonly events: EventsPart;
  readonly rules: RuleSource;
  readonly store: CounterStore;
  /** Null in a worker process. */
  readonly quota: QuotaPart | null;
  readonly health: HealthState;
  readonly rpcServer: RpcServer;
  /** Null without TLS, and where the listener cannot. */
  readonly tlsReload: TlsReload | null;
  readonly sideListeners: readonly SideListener[];
  readonly logger: Logger;
  /** REDIS_HEALTH_CHECK_ACTIVE_CONNECTION: losing the store later makes health fail too. */
  readonly needsStoreConnection: boolean;
  readonly drainDelayMs: DurationMs;
  readonly drainTimeoutMs: DurationMs;
  /** What runs, for the line at start. */
  readonly description: Readonly<Record<string, string | number | boolean>>;
}

/** When the ports are closed nobody waits for the store any more. */
const CLOSE_MS_MAX = 2000;
/** Giving back takes at most the last report, and an election for the successor. */
const QUOTA_MS_MAX = 6000;
/** A start under way waits for the store at most; longer is a hang that a stop does not wait for. */
const START_MS_MAX = 5000;

export class Service {
  readonly #parts: ServiceParts;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** Rejects with a message for the operator when a port cannot be had. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** A stop that comes meanwhile ends the start at its next step. */
  async #start(): Promise<void> {
    const { events, rules, quota, sideListeners, rpcServer, tlsReload } = this.#parts;
    const { logger, description } = this.#parts;
    events.start();
    await rules.start();
    if (this.#stopped !== null) return;
    await this.#startStore();
    if (this.#stopped !== null) return;
    await quota?.start();
    for (const listener of sideListeners) {
      if (this.#stopped !== null) return;
      await listener.listen();
    }
    if (this.#stopped !== null) return;
    const port = await rpcServer.listen();
    tlsReload?.start();
    const domains = rules.current?.domains.size ?? 0;
    logger.announce('weir serves', { grpcPort: port, domains, ...description });
  }

  /** Never rejects; later calls wait for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #startStore(): Promise<void> {
    const { store, health, logger, needsStoreConnection } = this.#parts;
    store.onHealth((isHealthy) => {
      if (isHealthy || needsStoreConnection) health.setStore(isHealthy);
    });
    try {
      await store.start();
      health.setStore(true);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      logger.warn('the counter store is not there yet: serving without it', { error: text });
      // A replica that starts during an outage must get its share of the calls, as the others do.
      if (!needsStoreConnection) health.setStore(true);
    }
  }

  async #stop(): Promise<void> {
    const { events, rules, store, quota, health, rpcServer, sideListeners, logger } = this.#parts;
    const { drainDelayMs, drainTimeoutMs } = this.#parts;
    logger.announce('weir drains', { drainDelayMs, drainTimeoutMs });
    events.stopping();
    health.startDraining();
    // A start that hangs in a load is freed by this; the rules in force stay.
    const rulesClosed = rules.close();
    if (this.#started !== null) await settledWithin([this.#started], START_MS_MAX);
    if (drainDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, drainDelayMs));
    this.#parts.tlsReload?.stop();
    const results = await Promise.allSettled([
      rpcServer.drain(drainTimeoutMs),
      ...sideListeners.map((listener) => listener.close(drainTimeoutMs)),
    ]);
    if (quota !== null) await settledWithin([quota.stop()], QUOTA_MS_MAX);
    results.push(...(await settledWithin([store.close(), rulesClosed], CLOSE_MS_MAX)));
    await events.stop();
    for (const result of results) {
      if (result.status === 'rejected') {
        logger.error('a part did not stop cleanly', { error: String(result.reason) });
      }
    }
    logger.flush();
    logger.announce('weir stopped');
  }
}

/** What has settled when all have, or when time is up: then nothing. */
async function settledWithin(
  parts: readonly Promise<void>[],
  ms: DurationMs,
): Promise<PromiseSettledResult<void>[]> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<[]>((resolve) => {
    timer = setTimeout(() => resolve([]), ms);
  });
  const settled = await Promise.race([Promise.allSettled(parts), timeUp]);
  clearTimeout(timer);
  return settled;
}
