/** Services with a bug on purpose, so that scenes can be seen to find it. */
import { fileURLToPath } from 'node:url';
import type { QuotaBugName } from './bugs.ts';

const PRELOAD = fileURLToPath(new URL('./break-quota.ts', import.meta.url));

/** Settings of a replica whose leases have this bug. */
export function brokenBy(bug: QuotaBugName): Record<string, string> {
  return { NODE_OPTIONS: `--import=${PRELOAD}`, WEIR_TEST_QUOTA_BUG: bug };
}
