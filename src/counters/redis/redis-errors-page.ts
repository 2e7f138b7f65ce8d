/** The classes of errors as a table of docs/failure.md. */
import { CONNECTION_ERRORS, REDIS_ERROR_ROWS, type RedisErrorRow } from './redis-errors.ts';

const HEAD =
  '| class | stands for | reason | besides | log | what to do |\n|---|---|---|---|---|---|\n';

export function redisErrorsTable(): string {
  return HEAD + REDIS_ERROR_ROWS.map(line).join('');
}

function line(row: RedisErrorRow): string {
  const { name, code, severity, advice } = row;
  const cells = [`\`${name}\``, standsFor(row), `\`${code}\``, besides(row), severity, advice];
  return `| ${cells.join(' | ')} |\n`;
}

function standsFor({ name, stands }: RedisErrorRow): string {
  if (stands.length > 0) return stands.map((start) => `\`${start}\``).join(', ');
  const isOfConnection = CONNECTION_ERRORS.some((its) => its.name === name);
  return isOfConnection ? 'whatever else ends a connection' : 'whatever else Redis answers';
}

function besides({ isRetried, isReconnected }: RedisErrorRow): string {
  if (isRetried) return 'sent again at once';
  return isReconnected ? 'new connection' : '';
}
