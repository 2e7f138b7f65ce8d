/**
 * `weir events`: the events that replicas recorded, out of the Redis that the service's own variables name,
 * in the order in which they happened, each once. What is no event, and what is missing, is told on stderr.
 */
import { RedisCommands } from '../counters/redis/redis-commands.ts';
import { completeOptions } from '../counters/redis/redis-options.ts';
import { eventPlace } from '../events/event-redis.ts';
import { EventReplay, ORDER_WINDOW_MS, type ReplayListener } from '../events/event-replay.ts';
import { GroupReader } from '../events/group-reader.ts';
import { type EntryReader, ReplayRun } from '../events/replay-run.ts';
import type { NamedStream } from '../events/stream-entry.ts';
import { StreamReader } from '../events/stream-reader.ts';
import { type Environment, readSettings } from '../settings/read-settings.ts';
import type { Settings } from '../settings/settings.ts';
import { jsonLine, textLine } from './event-line.ts';
import type { EventsOptions } from './events-options.ts';
import { ExitCode, type Output } from './output.ts';

/** A reply takes some milliseconds; a server that does not answer is told soon. */
const REDIS_MS_MAX = 5000;

/** What the command has of the process that it runs in. */
export interface Surroundings {
  readonly env: Environment;
  /** Aborted when the person has enough: the command ends as if the streams did. */
  readonly signal: AbortSignal;
}

/** FAILED: Redis could not be asked. */
export async function showEvents(
  options: EventsOptions,
  { env, signal }: Surroundings,
  output: Output,
): Promise<ExitCode> {
  const result = readSettings(env);
  if ('problems' in result) {
    for (const problem of result.problems) output.complain(`weir: ${problem}`);
    return ExitCode.USAGE;
  }
  const source = sourceOf(result.settings, options);
  if (source === null) {
    output.complain('weir: set EVENTS_STREAM, and what names the Redis, as the service has them');
    return ExitCode.USAGE;
  }
  try {
    const run = new ReplayRun({
      reader: readerOf(options, source),
      replay: new EventReplay(
        {
          windowMs: ORDER_WINDOW_MS,
          isShared: options.group !== null,
          countMax: options.countMax,
        },
        listenerOf(options, output),
      ),
      isFollowing: options.follow,
      windowMs: ORDER_WINDOW_MS,
      signal,
      monotonic: () => performance.now(),
      onTrouble: (text) => output.complain(`weir: ${text}`),
    });
    await run.run();
    return ExitCode.OK;
  } catch (error) {
    output.complain(`weir: ${(error as Error).message}`);
    return ExitCode.FAILED;
  } finally {
    source.commands.close();
  }
}

interface Source {
  readonly commands: RedisCommands;
  readonly streams: readonly NamedStream[];
}

/** Null when events are recorded nowhere. */
function sourceOf(settings: Settings, { kinds }: EventsOptions): Source | null {
  const { events, redis, quota } = settings;
  if (events === null || redis === null) return null;
  const place = eventPlace(redis, events, quota);
  const patience = { startMaxMs: REDIS_MS_MAX, connectTimeoutMs: REDIS_MS_MAX };
  return {
    commands: new RedisCommands(completeOptions({ ...place.redis, ...patience })),
    streams: kinds.map((kind) => ({ kind, key: place.keys.streams[kind] })),
  };
}

function readerOf(options: EventsOptions, { commands, streams }: Source): EntryReader {
  const { group, from, claimAfterMs } = options;
  if (group === null) return new StreamReader(commands, streams, from);
  const { name, consumer } = group;
  return new GroupReader(commands, streams, { group: name, consumer, from, claimAfterMs });
}

function listenerOf({ json }: EventsOptions, output: Output): ReplayListener {
  return {
    event: (event, id, isLate) =>
      output.print(json ? jsonLine(event, id, isLate) : textLine(event, isLate)),
    missing: ({ instance, incarnation, kind }, from, to) => {
      const numbers = from === to ? `number ${from}` : `numbers ${from} to ${to}`;
      const source = `${JSON.stringify(instance)}, run ${incarnation}`;
      output.complain(`weir: missing: ${kind} ${numbers} of ${source}`);
    },
    corrupt: ({ kind, id }, problem) =>
      output.complain(`weir: the ${kind} entry ${id} is no event: ${problem}`),
  };
}
