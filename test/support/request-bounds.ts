/** The bounds on requests that a service has when nobody sets any. */
import type { RequestBounds } from '../../src/rpc/request-bounds.ts';
import { settingsOf } from './settings.ts';

export const DEFAULT_REQUEST_BOUNDS: RequestBounds = settingsOf({}).bounds;
