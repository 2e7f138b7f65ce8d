import { HTTP2_LIMITS } from '../http2/limits.ts';
import type { NativeTuning } from './native-options.ts';

export const NATIVE_TUNING: NativeTuning = {
  ...HTTP2_LIMITS,
  // Envoy has one connection a worker: this is 600 Envoys of 16 workers, and 100 MiB when idle,
  // 600 MiB with TLS.
  connectionsMax: 10_000,
  // Two of the largest requests by default, in memory that was doubled as they came.
  assemblyBytesMax: 4_194_304,
  // Requests come whole, so this is hardly used: room for 60 of the largest at once. Memory that was
  // outgrown and not yet collected comes on top, about as much again.
  assemblyTotalBytesMax: 134_217_728,
  // One read of a full socket: some five hundred small calls, a millisecond or two of work.
  turnBytesMax: 65_536,
  // Answers are small: a peer this far behind is not reading.
  backlogBytesMax: 262_144,
  tickMs: 1000,
  lingerMs: 1000,
};
