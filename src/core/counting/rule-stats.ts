/**
 * The counts a rule keeps of its own traffic, with the reference's names. Plain numbers that the
 * request path increments in place; telemetry reads them when it is scraped.
 */
export class RuleStats {
  /** Hits of every request matched, whatever the answer. */
  totalHits = 0;
  /** Hits beyond the limit, shadow mode included. */
  overLimit = 0;
  /** Hits inside the limit but beyond NEAR_LIMIT_RATIO of it. */
  nearLimit = 0;
  withinLimit = 0;
  /** The part of `overLimit` that the over-limit cache answered. */
  overLimitWithLocalCache = 0;
  /** The part of `overLimit` that shadow mode let through. */
  shadowMode = 0;
  /** Hits given back by `is_negative_hits`. */
  totalNegativeHits = 0;
}
