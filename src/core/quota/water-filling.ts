/**
 * Weighted max-min fairness in whole numbers: a level rises, each claim is filled to level × weight,
 * but to no more than it wants and no less than its floor, until the capacity is poured out. So nobody
 * can be given more without taking from one who has less for its weight.
 */

/** A replica with a poor health score still counts for this much, or it could never recover. */
const WEIGHT_MIN = 0.01;

export interface Claim {
  /** Whole, from 0. */
  readonly wants: number;
  /** 0..; below a hundredth it counts as a hundredth. */
  readonly weight: number;
}

interface Basin {
  readonly floor: number;
  readonly full: number;
  readonly weight: number;
}

/**
 * Shares of `capacity` (whole) in the order of `claims`. A claim below `floor` counts as one for it; when
 * the floors are more than the capacity, each is an equal part of it, rounded down. The sum is the
 * smaller of capacity and claims, exactly.
 */
export function fillByWater(capacity: number, claims: readonly Claim[], floor = 0): number[] {
  const floorEach = Math.min(floor, Math.floor(capacity / Math.max(claims.length, 1)));
  const basins = claims.map(({ wants, weight }) => ({
    floor: floorEach,
    full: Math.max(wants, floorEach),
    weight: Math.max(weight, WEIGHT_MIN),
  }));
  const wanted = basins.reduce((sum, { full }) => sum + full, 0);
  if (wanted <= capacity) return basins.map(({ full }) => full);
  return roundDown(capacity, basins, levelOf(capacity, basins));
}

function heightAt(level: number, { floor, full, weight }: Basin): number {
  return Math.min(full, Math.max(floor, level * weight));
}

/** The level at which the basins hold the capacity: it lies between two edges of basins. */
function levelOf(capacity: number, basins: readonly Basin[]): number {
  const edges = basins
    .flatMap(({ floor, full, weight }) => [
      { level: floor / weight, slope: weight },
      { level: full / weight, slope: -weight },
    ])
    .sort((a, b) => a.level - b.level);
  let held = basins.reduce((sum, { floor }) => sum + floor, 0);
  let level = 0;
  let slope = 0;
  for (const edge of edges) {
    const poured = slope * (edge.level - level);
    if (slope > 0 && held + poured >= capacity) return level + (capacity - held) / slope;
    held += poured;
    level = edge.level;
    slope += edge.slope;
  }
  return level;
}

/** Keeps the level's own rounding from pouring too much; what it leaves is dealt out below. */
const SHADE = 1 - 1e-9;

/** Whole shares: rounded down, and what is left goes to those who lost most by it, one each. */
function roundDown(capacity: number, basins: readonly Basin[], level: number): number[] {
  const exact = basins.map((basin) => heightAt(level * SHADE, basin));
  const shares = exact.map(Math.floor);
  let left = capacity - shares.reduce((sum, share) => sum + share, 0);
  const byLoss = exact
    .map((height, at) => ({ at, loss: height - Math.floor(height) }))
    .sort((a, b) => b.loss - a.loss || a.at - b.at);
  // More is wanted than there is, so each round deals at least one.
  while (left > 0) {
    for (const { at } of byLoss) {
      const share = shares[at] as number;
      if (left === 0 || share >= (basins[at] as Basin).full) continue;
      shares[at] = share + 1;
      left -= 1;
    }
  }
  return shares;
}
