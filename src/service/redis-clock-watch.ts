/**
 * Redis servers whose clock is not this host's, told once. Windows go by the clock of Redis, so limits stay
 * exact; but two servers that differ hand windows on to each other at another time, and one of the two clocks
 * is wrong for everything else as well.
 */
import type { Audit } from '../core/events/event.ts';
import type { DurationMs } from '../core/time.ts';
import type { Logger } from '../telemetry/logger.ts';

const LOOK_MS: DurationMs = 5000;
/** As for the clocks of peers: well beyond what time services leave. */
export const REDIS_CLOCK_WARN_MS: DurationMs = 50;
/** Good again only well below it, so that a clock at the edge does not flap. */
const LEFT_AT = 0.8;

export interface RedisClockReading {
  readonly address: string;
  /** Above 0: the server's clock is ahead. */
  readonly aheadMs: number;
  /** What the round trip may explain of it. */
  readonly uncertaintyMs: DurationMs;
}

export class RedisClockWatch {
  readonly #read: () => Iterable<RedisClockReading>;
  readonly #logger: Pick<Logger, 'warn' | 'info'>;
  readonly #audit: Audit;
  /** Servers that were told; bounded by those that there are. */
  #off = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    read: () => Iterable<RedisClockReading>,
    logger: Pick<Logger, 'warn' | 'info'>,
    audit: Audit,
  ) {
    this.#read = read;
    this.#logger = logger;
    this.#audit = audit;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const off = new Set<string>();
    for (const { address, aheadMs, uncertaintyMs } of this.#read()) {
      const certainMs = Math.max(0, Math.abs(aheadMs) - uncertaintyMs);
      const wasOff = this.#off.has(address);
      const isOff = certainMs >= REDIS_CLOCK_WARN_MS * (wasOff ? LEFT_AT : 1);
      if (isOff) off.add(address);
      if (isOff === wasOff) continue;
      const details = { address, aheadMs: Math.round(aheadMs) };
      if (isOff) this.#logger.warn('the clock of redis is not that of this host', details);
      else this.#logger.info('the clock of redis is that of this host again', details);
      this.#audit({ name: isOff ? 'redis-clock-off' : 'redis-clock-good', details });
    }
    this.#off = off;
  }
}
