/** Settings as the service reads them. */
import { type Environment, readSettings } from '../../src/settings/read-settings.ts';
import type { Settings } from '../../src/settings/settings.ts';

/** Throws with the problems where there are some. */
export function settingsOf(env: Environment): Settings {
  const result = readSettings(env);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.settings;
}
