/**
 * What the loading thread and the main one say to each other. The main thread asks, one question at a
 * time; so at most one slice of descriptors is ever under way, and the main thread sets the pace.
 */
import type { FileOutcome, KnownFile } from './check-limits.ts';
import type { DescriptorSlice } from './descriptor-slice.ts';
import type { LimitsDirectory } from './directory-walk.ts';
import type { Problem } from './problem.ts';

/** What to load. */
export interface ParseJob {
  readonly directory: LimitsDirectory;
  readonly merge: boolean;
  readonly known: ReadonlyMap<string, KnownFile>;
}

/** Descriptors in one message: some 2 ms of the main thread to receive and compile them. */
export const SLICE_DESCRIPTORS_MAX = 500;

export type Question =
  /** Read and check the directory; begins a load. */
  | { readonly kind: 'check'; readonly job: ParseJob }
  /** Begin with the descriptors of these files, which were good. */
  | { readonly kind: 'open'; readonly files: readonly string[] }
  /** Go on with them. */
  | { readonly kind: 'next' };

export type Reply =
  | {
      readonly kind: 'checked';
      readonly outcomes: readonly FileOutcome[];
      /** With the directory itself; then there are no outcomes. */
      readonly problem: Problem | null;
      /** Characters of all files. */
      readonly textLength: number;
    }
  | {
      readonly kind: 'slice';
      readonly slice: DescriptorSlice;
      readonly isLast: boolean;
    };
