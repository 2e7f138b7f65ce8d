/** What settings tell the limiter. */
import type { LimiterOptions } from '../limiter/limiter.ts';
import type { Settings } from '../settings/settings.ts';

type FromSettings =
  | 'stopsWhenOver'
  | 'isShadowForAll'
  | 'isQuotaForAll'
  | 'addsMetadata'
  | 'headerNames';

export function limiterOptions(settings: Settings): Pick<LimiterOptions, FromSettings> {
  const { counters, modes, response } = settings;
  return {
    stopsWhenOver: counters.stopIncrementWhenOver,
    isShadowForAll: modes.shadow,
    isQuotaForAll: modes.quota,
    addsMetadata: response.dynamicMetadata,
    headerNames: response.headers,
  };
}
