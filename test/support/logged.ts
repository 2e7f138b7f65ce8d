/** A logger whose lines a test can read. */
import { Logger } from '../../src/telemetry/logger.ts';

export function logged(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): number => lines.push(line);
  return { lines, logger: new Logger({ level: 'DEBUG', format: 'text', write, now: () => 0 }) };
}
