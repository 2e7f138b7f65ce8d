/** The bounds on requests that a service has when nobody sets any. */
import type { RequestBounds } from '../../src/rpc/request-bounds.ts';
import { readSettings } from '../../src/settings/read-settings.ts';

export const DEFAULT_REQUEST_BOUNDS: RequestBounds = defaults();

function defaults(): RequestBounds {
  const result = readSettings({});
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.settings.bounds;
}
