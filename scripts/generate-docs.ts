/** Writes what the docs show of the tables in src: whole pages, and parts between markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { redisErrorsTable } from '../src/counters/redis/redis-errors-page.ts';
import { settingsPage } from '../src/settings/settings-page.ts';
import { metricsPage } from '../src/telemetry/metrics-page.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('settings.md', docs), settingsPage());
writeFileSync(new URL('metrics.md', docs), metricsPage());
writePart('failure.md', 'redis-errors', redisErrorsTable());

/** Between `<!-- name: … -->` and `<!-- /name -->`, each on a line of its own. */
function writePart(page: string, name: string, text: string): void {
  const path = new URL(page, docs);
  const whole = readFileSync(path, 'utf8');
  const part = new RegExp(`(<!-- ${name}: [^\\n]* -->\\n)[^]*?(<!-- /${name} -->)`);
  if (!part.test(whole)) throw new Error(`docs/${page} has no place for ${name}`);
  writeFileSync(
    path,
    whole.replace(part, (_, start: string, end: string) => start + text + end),
  );
}
