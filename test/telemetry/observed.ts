/** A Telemetry to be driven by tests, with the lines its logger wrote. */
import { Logger } from '../../src/telemetry/logger.ts';
import type { SeriesBounds } from '../../src/telemetry/rule-stats-book.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';

export const WIDE_BOUNDS: SeriesBounds = {
  seriesPerDomainMax: 10_000,
  domainsMax: 1000,
  seriesMax: 100_000,
};

export interface Observed {
  readonly telemetry: Telemetry;
  readonly logged: string[];
  /** Lines of the page that start so, sorted, without comments. */
  lines(...prefixes: string[]): Promise<string[]>;
}

export function observed(
  options: { bounds?: Partial<SeriesBounds>; responseTimeAsMs?: boolean } = {},
): Observed {
  const logged: string[] = [];
  const logger = new Logger({
    level: 'DEBUG',
    format: 'text',
    write: (line) => logged.push(line),
    now: () => 0,
  });
  const telemetry = new Telemetry({
    bounds: { ...WIDE_BOUNDS, ...options.bounds },
    responseTimeAsMs: options.responseTimeAsMs ?? false,
    logger,
    version: '1.2.3',
    withProcessMetrics: false,
  });
  const lines = async (...prefixes: string[]): Promise<string[]> => {
    const page = await telemetry.page();
    const wanted = (line: string): boolean => prefixes.some((prefix) => line.startsWith(prefix));
    return page.split('\n').filter(wanted).sort();
  };
  return { telemetry, logged, lines };
}
