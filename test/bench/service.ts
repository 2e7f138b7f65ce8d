/**
 * The whole service as a user starts it, counters in memory, metrics on: what a request over the
 * network costs its process.
 */
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { type Service, startService } from '../support/service.ts';
import { LoadGenerator } from './load.ts';
import { PIN } from './one-core.ts';
import { pipelineLimits } from './pipeline.ts';

/** One full set of `CheckStatus`: an answer without a limit would be shorter. */
const ANSWER_BYTES_MIN = 12;
const STREAMS = 100;
const WARM_UP_REQUESTS = 100_000;
const REQUESTS = 100_000;
const RUNS = 5;

/** Nanoseconds of CPU that the service spends on each request: the median of the runs. */
export async function measureService(
  listener: 'native' | 'grpc-js',
  messages: readonly Uint8Array[],
): Promise<number> {
  await using service = await startService({
    files: { 'limits.yaml': pipelineLimits() },
    env: { GRPC_LISTENER: listener },
    before: PIN,
  });
  const load = new LoadGenerator({
    port: service.ports.grpc,
    path: SHOULD_RATE_LIMIT,
    messages,
    answerBytesMin: ANSWER_BYTES_MIN,
    streams: STREAMS,
  });
  await load.run(WARM_UP_REQUESTS);
  const each: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const before = await cpuSecondsOf(service);
    await load.run(REQUESTS);
    each.push((((await cpuSecondsOf(service)) - before) * 1e9) / REQUESTS);
  }
  load.close();
  return each.toSorted((a, b) => a - b)[RUNS >> 1] as number;
}

/** The page itself costs some milliseconds, which a run's requests share. */
function cpuSecondsOf(service: Service): Promise<number> {
  return service.metric('process_cpu_seconds_total');
}
