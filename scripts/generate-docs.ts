/** Writes docs/settings.md and docs/metrics.md from the tables in src. */
import { writeFileSync } from 'node:fs';
import { settingsPage } from '../src/settings/settings-page.ts';
import { metricsPage } from '../src/telemetry/metrics-page.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('settings.md', docs), settingsPage());
writeFileSync(new URL('metrics.md', docs), metricsPage());
