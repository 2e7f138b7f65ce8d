/** What is answered for a rule while its counter cannot be reached. */

/**
 * - `local`: the rule's share of a limit in this process's own memory; admissions are replayed later.
 * - `open`: OK.
 * - `closed`: OVER_LIMIT.
 * - `error`: the call fails, and Envoy's `failure_mode_deny` decides.
 */
export const FAILURE_MODES = ['local', 'open', 'closed', 'error'] as const;
export type FailureMode = (typeof FAILURE_MODES)[number];

/** Why an answer is not the store's own. */
export const DEGRADED_REASONS = [
  'breaker',
  'unavailable',
  'timeout',
  'overloaded',
  'refused',
] as const;
export type DegradedReason = (typeof DEGRADED_REASONS)[number];
