/**
 * The three kinds of time. They are never mixed: windows are cut on the wall clock, deadlines and
 * timeouts on the monotonic clock, and both are compared by durations. Pure functions take `now`.
 */
declare const kind: unique symbol;

/** Milliseconds since the Unix epoch, by the clock that decides windows (Redis's own, or the host's). */
export type WallMs = number & { readonly [kind]?: 'wall' };

/** Milliseconds since an arbitrary start, never going back: deadlines, breakers, leases. */
export type MonotonicMs = number & { readonly [kind]?: 'monotonic' };

/** A length of time in milliseconds. */
export type DurationMs = number & { readonly [kind]?: 'duration' };
