/**
 * What the supervisor and a worker say to each other, over the channel that node opens between a
 * process and its child. Messages arrive in the order they were sent; values travel as
 * structuredClone has them.
 */
import type { HttpAnswer } from '../admin/http-server.ts';
import type { ProfileKind } from '../admin/profiler.ts';
import type { DescriptorSlice } from '../rules/descriptor-slice.ts';
import type { CountsReport } from '../telemetry/counts-exchange.ts';
import type { OwnState } from '../telemetry/own-totals.ts';

/** The word after the script's name that makes a process a worker; its number follows. */
export const WORKER_ROLE = 'worker';

/** A worker tells that its event loop turns, and what it counted, this often. */
export const REPORT_EVERY_MS = 1000;

/** A domain as some load made it; the number is never used again for another. */
export interface DomainRevision {
  readonly domain: string;
  readonly revision: number;
}

/** Parts of the rules: descriptors first, then what they make up, then that it is in force. */
export type RulesOrder =
  | { readonly kind: 'slice'; readonly revision: number; readonly slice: DescriptorSlice }
  | {
      readonly kind: 'rules';
      /** 0: no limits file was ever valid. */
      readonly version: number;
      readonly domains: readonly DomainRevision[];
      readonly broken: readonly string[];
    }
  | { readonly kind: 'commit'; readonly version: number };

export type Order =
  | RulesOrder
  /** A socket comes with it, unless it was closed on its way. */
  | { readonly kind: 'connection' }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'stop' };

export type Question =
  /** Answered with null when all that was counted has been sent. */
  | { readonly kind: 'counts' }
  | { readonly kind: 'json'; readonly body: string }
  | { readonly kind: 'profile'; readonly profile: ProfileKind; readonly seconds: number };

export type Answer = HttpAnswer | string | null;

export type Report =
  | { readonly kind: 'alive'; readonly isServing: boolean; readonly connections: number }
  /** The rules of this version are compiled. */
  | { readonly kind: 'ready'; readonly version: number }
  | { readonly kind: 'serving' }
  /** It cannot start, for a reason that the operator can change. */
  | { readonly kind: 'failed'; readonly text: string }
  /** The connection handed over last is with the listener, or gone. */
  | { readonly kind: 'taken'; readonly connections: number }
  | { readonly kind: 'counts'; readonly counts: CountsReport }
  | { readonly kind: 'own'; readonly state: OwnState }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'unanswered'; readonly id: number; readonly text: string };
