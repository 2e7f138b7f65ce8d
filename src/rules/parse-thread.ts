/**
 * The loading thread: reads, checks and hands over a limits directory, so that none of it holds up a
 * request.
 */
import { parentPort } from 'node:worker_threads';
import type { DescriptorConfig } from '../core/rules/limits-file.ts';
import { chargesWhole, ROOT_ALONE, stampWhole } from './charge-mode.ts';
import { CheckedLimits } from './check-limits.ts';
import { encodeSlice } from './descriptor-slice.ts';
import { readLimitsDirectory } from './limits-directory.ts';
import {
  type ParseJob,
  type Question,
  type Reply,
  SLICE_DESCRIPTORS_MAX,
} from './parse-protocol.ts';

const port = parentPort as NonNullable<typeof parentPort>;

let checked: CheckedLimits | null = null;
let lists: (readonly DescriptorConfig[])[] = [];
let at = 0;
let isWhole = false;

port.on('message', (question: Question) => port.postMessage(answer(question)));

function answer(question: Question): Reply {
  if (question.kind === 'check') return check(question.job);
  if (question.kind === 'open') {
    open(question.files);
  }
  return nextSlice();
}

function open(files: readonly string[]): void {
  const parsed = files.flatMap((file) => checked?.parsed(file) ?? []);
  lists = parsed.map(({ config }) => config?.descriptors ?? []);
  isWhole = chargesWhole(parsed);
  if (isWhole && lists.every((list) => list.length === 0)) lists = [[ROOT_ALONE]];
  at = 0;
}

function check(job: ParseJob): Reply {
  checked = null;
  lists = [];
  const { files, problem } = readLimitsDirectory(job.directory);
  checked = new CheckedLimits(files, job.merge, job.known);
  const textLength = files.reduce((sum, file) => sum + ('text' in file ? file.text.length : 0), 0);
  return { kind: 'checked', outcomes: checked.outcomes, problem, textLength };
}

function nextSlice(): Reply {
  while (lists.length > 1 && at >= (lists[0] as readonly DescriptorConfig[]).length) {
    lists.shift();
    at = 0;
  }
  const list = lists[0] ?? [];
  const descriptors = list.slice(at, at + SLICE_DESCRIPTORS_MAX);
  at += descriptors.length;
  const isLast = lists.length <= 1 && at >= list.length;
  const slice = encodeSlice(isWhole ? stampWhole(descriptors) : descriptors);
  return { kind: 'slice', slice, isLast };
}
