/** What parts report of themselves, as log lines. */
import type { Transition } from '../core/breaker/breaker.ts';
import type { CommandClass } from '../counters/guarded/command-class.ts';
import type { RedisEvent } from '../counters/redis/redis-options.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What the connection says of its own end. */
const CLOSED_BY_US = 'closed by us';

const MESSAGES = {
  lost: 'redis was lost',
  moved: 'redis has another primary',
  error: 'redis failed',
} as const;

/** For exceptions that cost one request or one connection. */
export function errorLog(logger: Logger): (message: string, error: unknown) => void {
  return (message, error) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.error(message, { error: text });
  };
}

/** Errors come sampled; `leftOut` says how many of their class had no line since the last. */
export function redisLog(logger: Logger): (event: RedisEvent) => void {
  return ({ kind, address, text, row, command, leftOut }) => {
    if (kind === 'ready') logger.info('redis is ready', { address });
    else if (text === CLOSED_BY_US) logger.info('redis is closed', { address });
    else if (row !== undefined) {
      const { name, severity, advice } = row;
      logger.log(severity, 'redis failed', {
        class: name,
        address,
        command,
        text,
        advice,
        ...(leftOut === 0 ? {} : { leftOut }),
      });
    } else logger.warn(MESSAGES[kind], { address, text });
  };
}

/** Of the connection that events go by. Nobody waits for it, so its ups and downs are details. */
export function eventStreamLog(logger: Logger): (event: RedisEvent) => void {
  return ({ kind, address, text, row, leftOut = 0 }) => {
    if (row === undefined) {
      logger.debug('events: the connection changed', { kind, address, text });
      return;
    }
    logger.warn('events cannot be written now', {
      class: row.name,
      address,
      text,
      advice: row.advice,
      ...(leftOut === 0 ? {} : { leftOut }),
    });
  };
}

/** `address`: of the Redis that the breakers are before. */
export function breakerLog(
  logger: Logger,
  address: string,
): (name: CommandClass, transition: Transition) => void {
  return (name, { from, to, reason }) => {
    const fields = { address, class: name, from, to, reason };
    if (to === 'open') logger.warn('redis breaker opened', fields);
    else logger.info('redis breaker changed', fields);
  };
}
