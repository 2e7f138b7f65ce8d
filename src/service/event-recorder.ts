/**
 * What the parts of this process record. Without EVENTS_STREAM nothing is kept, and only the hybrid clock
 * runs, so that replicas that do record stay in order with one another through this one.
 */
import { hostname } from 'node:os';
import { AbuseWatch } from '../core/events/abuse-watch.ts';
import { type Audit, NO_AUDIT } from '../core/events/event.ts';
import { HybridClock } from '../core/hlc/hybrid-clock.ts';
import type { DurationMs } from '../core/time.ts';
import { ErrorCounts } from '../counters/redis/error-counts.ts';
import { EventLog } from '../events/event-log.ts';
import { eventPlace } from '../events/event-redis.ts';
import { StreamWriter } from '../events/stream-writer.ts';
import type { Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import { monotonicNow, wallNow } from './clocks.ts';
import { eventStreamLog } from './event-logs.ts';

const SWEEP_MS: DurationMs = 1000;
/** At the end what waits is written for so long at most: it is some milliseconds' work. */
const STOP_MS_MAX: DurationMs = 500;

export interface EventRecorderParts {
  readonly logger: Logger;
  readonly version: string;
  /** Number of a worker; null: a process of its own, or the one that others work for. */
  readonly part: number | null;
}

export class EventRecorder {
  /** Orders what is recorded here and at other replicas. */
  readonly clock = new HybridClock();
  /** Null: nothing is recorded. */
  readonly log: EventLog | null;
  readonly abuse: AbuseWatch | null;
  readonly errors = new ErrorCounts();
  readonly audit: Audit;
  readonly #writer: StreamWriter | null;
  readonly #version: string;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(settings: Settings, { logger, version, part }: EventRecorderParts) {
    this.#version = version;
    const { events, redis, quota } = settings;
    if (events === null || redis === null) {
      this.log = null;
      this.abuse = null;
      this.#writer = null;
      this.audit = NO_AUDIT;
      return;
    }
    const place = eventPlace(redis, events, quota);
    const onEvent = eventStreamLog(logger);
    const sink = new StreamWriter({
      redis: { ...place.redis, errors: this.errors, onEvent },
      keys: place.keys,
      maxLength: events.maxLength,
      onReady: () => log.hurry(),
    });
    const log = new EventLog({
      instance: instanceOf(settings, part),
      clock: this.clock,
      wall: wallNow,
      monotonic: monotonicNow,
      random: Math.random,
      sink,
    });
    this.log = log;
    this.#writer = sink;
    this.abuse = new AbuseWatch(log.record);
    this.audit = (happening) => log.record({ kind: 'audit', ...happening });
  }

  /** Connects in the background. */
  start(): void {
    const { abuse } = this;
    if (abuse === null) return;
    this.#writer?.start();
    this.#sweeper = setInterval(() => abuse.sweep(monotonicNow()), SWEEP_MS).unref();
    this.audit({ name: 'service-started', details: { version: this.#version, pid: process.pid } });
  }

  /** The end has begun. */
  stopping(): void {
    this.audit({ name: 'service-stopping', details: {} });
  }

  /** Writes what waits, for half a second at most. Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.log?.close(STOP_MS_MAX);
    await this.#writer?.close();
  }
}

/** A pod's name is its host's; QUOTA_NODE_ID is this replica's own among all. */
function instanceOf({ quota }: Settings, part: number | null): string {
  const name = quota.peers.length > 0 ? quota.nodeId : hostname();
  return part === null ? name : `${name}/${part}`;
}
