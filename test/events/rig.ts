/** Event logs of several replicas on one Redis, and what reads it. */
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { RecordedEvent } from '../../src/core/events/event.ts';
import { EVENT_KINDS } from '../../src/core/events/event.ts';
import { decodeEvent } from '../../src/core/events/event-codec.ts';
import { HybridClock } from '../../src/core/hlc/hybrid-clock.ts';
import { ErrorCounts } from '../../src/counters/redis/error-counts.ts';
import { RedisCommands } from '../../src/counters/redis/redis-commands.ts';
import { completeOptions, type RedisStoreOptions } from '../../src/counters/redis/redis-options.ts';
import { eventKeys } from '../../src/events/event-keys.ts';
import { EventLog } from '../../src/events/event-log.ts';
import { EventReplay, type ReplayOptions } from '../../src/events/event-replay.ts';
import type { EntryReader } from '../../src/events/replay-run.ts';
import { ReplayRun } from '../../src/events/replay-run.ts';
import { StreamReader } from '../../src/events/stream-reader.ts';
import { StreamWriter } from '../../src/events/stream-writer.ts';
import { until } from '../support/child.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

export const STREAM = 'test:events';
/** What anything here may take at most on a machine that does other things. */
export const SOON_MS = 15_000;

export type Place = Pick<RedisStoreOptions, 'address' | 'tls' | 'username' | 'password'>;

export interface ReplicaOptions {
  readonly instance?: string;
  readonly wall?: () => number;
  readonly isCluster?: boolean;
  readonly maxLength?: number;
  readonly stream?: string;
}

/** A replica that records. */
export class Replica {
  readonly clock = new HybridClock();
  readonly errors = new ErrorCounts();
  readonly wall: () => number;
  readonly log: EventLog;
  readonly writer: StreamWriter;

  constructor(place: Place, options: ReplicaOptions = {}) {
    const { instance = 'weir-0', wall = Date.now, maxLength = 10_000 } = options;
    const { isCluster = false, stream = STREAM } = options;
    this.wall = wall;
    this.writer = new StreamWriter({
      redis: { keyFormat: 'exact', errors: this.errors, ...place },
      keys: eventKeys(stream, 'group', isCluster),
      maxLength,
      onReady: () => this.log.hurry(),
    });
    this.log = new EventLog({
      instance,
      clock: this.clock,
      wall,
      monotonic: () => performance.now(),
      random: Math.random,
      sink: this.writer,
    });
    this.writer.start();
    onTestFinished(() => this.close());
  }

  audit(version: number, term?: number): void {
    const details = { version };
    const happening = { kind: 'audit', name: 'rules-loaded', details } as const;
    this.log.record(term === undefined ? happening : { ...happening, term });
  }

  abuse(key: string): void {
    this.log.record({ kind: 'abuse', name: 'over-limit', details: { key } });
  }

  written(count: number): Promise<unknown> {
    const sum = (): number => this.log.lanes.audit.written + this.log.lanes.abuse.written;
    return until(sum, (written) => written >= count, SOON_MS);
  }

  get queued(): number {
    return this.log.lanes.audit.queued + this.log.lanes.abuse.queued;
  }

  /** Classes of the errors that the connection met. */
  get errorClasses(): string[] {
    return [...new Set([...this.errors.entries()].map(({ labels }) => labels.class))];
  }

  async close(): Promise<void> {
    await this.log.close(100);
    await this.writer.close();
  }
}

export interface Rig {
  readonly server: RedisServer;
  readonly place: Place;
  /** To look at the server by, and to disturb it. */
  readonly redis: Redis;
  replica(options?: ReplicaOptions): Replica;
}

export async function startRig(args: readonly string[] = []): Promise<Rig> {
  const server = await startRedis({ args });
  const redis = new Redis(server.port, { retryStrategy: () => 50 });
  redis.on('error', () => {});
  const place = { address: { host: '127.0.0.1', port: server.port } };
  onTestFinished(async () => {
    redis.disconnect();
    await server.stop();
  });
  return { server, place, redis, replica: (options) => new Replica(place, options) };
}

/** All events of both streams, as they lie there. */
export async function eventsIn(redis: Redis, stream = STREAM): Promise<RecordedEvent[]> {
  const keys = Object.values(eventKeys(stream, 'group', false).streams);
  const lists = await Promise.all(keys.map((key) => redis.xrange(key, '-', '+')));
  return lists.flat().map(([, fields]) => {
    const decoded = decodeEvent(fields);
    if ('problem' in decoded) throw new Error(decoded.problem);
    return decoded.event;
  });
}

export function commandsOn(place: Place): RedisCommands {
  const commands = new RedisCommands(
    completeOptions({ keyFormat: 'exact', startMaxMs: 5000, ...place }),
  );
  onTestFinished(() => commands.close());
  return commands;
}

export function streamsOf(isCluster = false, stream = STREAM) {
  const { streams } = eventKeys(stream, 'group', isCluster);
  return EVENT_KINDS.map((kind) => ({ kind, key: streams[kind] }));
}

/** What a reader shows, one line each; resolves at the end of the streams. */
export class Shown {
  readonly lines: string[] = [];
  readonly events: RecordedEvent[] = [];
  readonly ids: string[] = [];
  readonly missing: string[] = [];
  readonly corrupt: string[] = [];
  readonly troubles: string[] = [];

  async run(
    reader: EntryReader,
    options: Partial<ReplayOptions> & { readonly signal?: AbortSignal } = {},
  ): Promise<this> {
    const { signal, ...rest } = options;
    const windowMs = rest.windowMs ?? 50;
    const replay = new EventReplay(
      { windowMs, isShared: false, countMax: Infinity, ...rest },
      {
        event: (event, id, isLate) => {
          this.events.push(event);
          this.ids.push(id);
          const { instance, sequence, kind } = event;
          this.lines.push(`${instance} ${kind} ${sequence}${isLate ? ' late' : ''}`);
        },
        missing: ({ instance }, from, to) => this.missing.push(`${instance} ${from}-${to}`),
        corrupt: ({ id }, problem) => this.corrupt.push(`${id}: ${problem}`),
      },
    );
    await new ReplayRun({
      reader,
      replay,
      isFollowing: signal !== undefined,
      windowMs,
      signal: signal ?? new AbortController().signal,
      monotonic: () => performance.now(),
      onTrouble: (text) => this.troubles.push(text),
    }).run();
    return this;
  }
}

export function readAll(place: Place, from = '0-0', isCluster = false): Promise<Shown> {
  return new Shown().run(new StreamReader(commandsOn(place), streamsOf(isCluster), from));
}
