/**
 * What a group reads and fails with, when all its parts have settled.
 *
 * Charges that depend on one another cannot be decided in one step over several places. So each part
 * is charged by itself, which reserves; when another part turned out to be over, what was reserved is
 * given back and reads as not made. Meanwhile others see the reservation: they may be refused a little
 * early, never admitted too much.
 *
 * A part that failed fails the group for its own charges alone, except that charges made whole or not
 * at all are then none of them made.
 */
import { type ChargeGroup, ChargePolicy, type StoreFailure } from '../../limiter/counter-store.ts';
import { wouldPass } from '../count.ts';
import { isDependent, tryOut } from '../groups.ts';
import { countsBefore, GiveBack } from './give-back.ts';

/** Makes what `origin` reads and fails with out of its parts; gives those that must be given back. */
export function settleParts<Part extends ChargeGroup>(
  origin: ChargeGroup,
  parts: readonly Part[],
): readonly GiveBack<Part>[] {
  if (parts.length === 1) {
    origin.failure = (parts[0] as Part).failure;
    return [];
  }
  const failed = parts.filter(({ failure }) => failure !== null);
  origin.failure = failed.length === 0 ? null : failureOfParts(failed);
  if (!isDependent(origin)) return [];
  const served = parts.filter(({ failure }) => failure === null);
  const isRefused = served.some(isOver);
  const isHalf = failed.length > 0 && origin.policy === ChargePolicy.ALL_OR_NOTHING;
  if (!isRefused && !isHalf) return [];
  const backs = served.filter((part) => !isOver(part)).map((part) => new GiveBack(part));
  // A refusal is known, whatever the failed part would have said.
  if (isHalf && !isRefused) failWhole(origin, failed, served);
  return backs.filter(({ hits }) => hits > 0);
}

/** Of those that failed: the first speaks for the group. */
function failureOfParts(failed: readonly ChargeGroup[]): StoreFailure {
  const [first] = failed as [ChargeGroup];
  const { outcome: _, ...failure } = first.failure as StoreFailure;
  return { ...failure, parts: failed.flatMap((part) => part.failure?.parts ?? [part]) };
}

function failWhole(
  origin: ChargeGroup,
  failed: readonly ChargeGroup[],
  served: readonly ChargeGroup[],
): void {
  const failure = failureOfParts(failed);
  const { code, text } = failure;
  for (const part of served) part.failure = { code, text };
  origin.failure = { ...failure, parts: [...(failure.parts ?? []), ...served] };
}

/** True when the part, charged by itself, stopped or was refused: judged as its store judged. */
function isOver({ charges, policy }: ChargeGroup): boolean {
  const counts = countsBefore(charges);
  if (policy === ChargePolicy.ALL_OR_NOTHING) {
    const before = charges.map(({ key }) => counts.get(key) as number);
    return tryOut(charges, before).some((its) => its.isOver);
  }
  return charges.some((charge) => wouldPass(counts.get(charge.key) as number, charge));
}
