/** A quota within commands and ledgers: its kind as a number, then its fields. */
import type { Unit } from '../rules/unit.ts';
import { type ByteReader, MalformedBytes } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type Quota, quotaProblem } from './quota.ts';

export const QUOTA_NONE = 0;
const QUOTA_COUNT = 1;
const QUOTA_RATE = 2;

export function writeQuota(writer: ByteWriter, quota: Quota): void {
  writer.number(quota.kind === 'count' ? QUOTA_COUNT : QUOTA_RATE);
  writer.number(quota.limit).number(quota.unit);
  if (quota.kind === 'rate') writer.number(quota.burst);
}

/** null where `QUOTA_NONE` was written in place of a quota. */
export function readQuota(reader: ByteReader): Quota | null {
  const kind = reader.number(QUOTA_RATE);
  if (kind === QUOTA_NONE) return null;
  const limit = reader.number();
  const unit = reader.number() as Unit;
  const quota: Quota =
    kind === QUOTA_COUNT
      ? { kind: 'count', limit, unit }
      : { kind: 'rate', limit, unit, burst: reader.number() };
  const problem = quotaProblem(quota);
  if (problem !== null) throw new MalformedBytes(problem);
  return quota;
}
