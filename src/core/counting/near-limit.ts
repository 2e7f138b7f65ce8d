/**
 * Hits from which a request counts as near its limit: floor(limit × ratio), computed in single
 * precision because the reference does, so that the near_limit counts agree to the hit.
 */
export function nearThreshold(requestsPerUnit: number, ratio: number): number {
  return Math.floor(Math.fround(Math.fround(requestsPerUnit) * Math.fround(ratio)));
}
