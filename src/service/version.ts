/** Weir's own version, from package.json beside `src` or `dist`. */
import { readFileSync } from 'node:fs';

const packageJson = new URL('../../package.json', import.meta.url);

export const { version } = JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string };
