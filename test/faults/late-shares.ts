/** How late calls were, and how much of that is the machine's doing rather than the service's. */
import type { LoadReport } from '../support/load-report.ts';
import { userOf } from './scene.ts';

/**
 * Of the calls that need Redis, the share that took more than `overMs` beyond the deadline; and of those
 * that do not, the share that took more than `overMs`, which is the machine's doing.
 */
export function lateShares(
  report: LoadReport,
  deadlineMs: number,
  overMs: number,
): { readonly calls: number; readonly controls: number } {
  const isControl = (call: number): boolean => userOf(call) === null;
  const [calls, controls] = [
    report.shareLater(deadlineMs + overMs, (call) => !isControl(call)),
    report.shareLater(overMs, isControl),
  ];
  return { calls, controls };
}
