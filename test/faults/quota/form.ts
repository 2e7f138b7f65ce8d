/**
 * The two forms of a scene with a whole group, as test/faults/form.ts has them: short as part of
 * `npm test`, long (FAULTS=long) on a quiet machine with the load and the time that the promise is about. Leases last as
 * long in both: ten seconds, which a dead replica's share is out of use.
 */
import { isLong } from '../form.ts';

export interface GroupForm {
  /** Of the rule that everybody wants more of than there is. */
  readonly hotLimit: number;
  readonly hotPerSecond: number;
  /** Of the rule of which there is more than enough. */
  readonly ampleLimit: number;
  readonly amplePerSecond: number;
  /** Kills of whoever leads. */
  readonly kills: number;
  /** Under load when all is as it should be, before and after faults. */
  readonly calmMs: number;
  /** Of a limit per window. */
  readonly countLimit: number;
  readonly countPerSecond: number;
  /** Of decisions within the server at most so many may take longer than a millisecond; null: not looked at. */
  readonly slowShareMax: number | null;
  readonly testMsMax: number;
}

const SHORT: GroupForm = {
  hotLimit: 500,
  hotPerSecond: 1_500,
  ampleLimit: 1_000,
  amplePerSecond: 250,
  kills: 1,
  calmMs: 3_000,
  countLimit: 3_000,
  countPerSecond: 1_000,
  slowShareMax: null,
  testMsMax: 60_000,
};

const LONG: GroupForm = {
  hotLimit: 5_000,
  hotPerSecond: 18_000,
  ampleLimit: 8_000,
  amplePerSecond: 2_000,
  kills: 2,
  calmMs: 10_000,
  countLimit: 60_000,
  countPerSecond: 5_000,
  slowShareMax: 0.01,
  testMsMax: 240_000,
};

export const GROUP_FORM: GroupForm = isLong ? LONG : SHORT;
