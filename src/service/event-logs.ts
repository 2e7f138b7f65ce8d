/** What parts report of themselves, as log lines. */
import type { RedisEvent } from '../counters/redis/redis-options.ts';
import type { Logger } from '../telemetry/logger.ts';

/** For exceptions that cost one request or one connection. */
export function errorLog(logger: Logger): (message: string, error: unknown) => void {
  return (message, error) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.error(message, { error: text });
  };
}

export function redisLog(logger: Logger): (event: RedisEvent) => void {
  return ({ kind, address, text }) => {
    if (kind === 'ready') logger.info('redis is ready', { address });
    else logger.warn(kind === 'lost' ? 'redis was lost' : 'redis failed', { address, text });
  };
}
