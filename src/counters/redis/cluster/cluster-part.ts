/** Charges of one group that are in one bin, on their way to the node that has it. */
import type { Charge } from '../../../limiter/counter-store.ts';
import { PartGroup, type PartOf } from '../../split/part-group.ts';
import type { CallRoute } from '../call-route.ts';
import type { ClusterNode } from './cluster-node.ts';

export class ClusterPart extends PartGroup {
  /** Which of the batch's groups it is of. */
  readonly group: number;
  route: CallRoute;
  /** Where an ASK sent it; null: to the bin's owner. */
  target: ClusterNode | null = null;
  redirections = 0;

  constructor(group: number, charges: readonly Charge[], on: PartOn) {
    super(on.route.bin, charges, on.of);
    this.group = group;
    this.route = on.route;
  }

  /** True when it has no other keys than its counter's. */
  get isAlone(): boolean {
    return !this.route.isSequenced;
  }
}

export interface PartOn {
  readonly route: CallRoute;
  /** With a deadline, whether or not its group has one. */
  readonly of: PartOf;
}

/** The charges by counter, in the order in which these are first named. */
export function chargesByCounter(charges: readonly Charge[]): readonly (readonly Charge[])[] {
  return [...Map.groupBy(charges, ({ key }) => key).values()];
}
