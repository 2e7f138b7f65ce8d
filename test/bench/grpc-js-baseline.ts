/** The yardstick: what a request costs a grpc-js server whose handler does nothing at all. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { encodeRateLimitResponse } from '../../src/wire/rls/encode-response.ts';
import { answer, rule, status } from '../wire/rls/answers.ts';
import type { ChildMessage } from './grpc-js-child.ts';
import { LoadGenerator } from './load.ts';
import { forkPinned } from './one-core.ts';

const STREAMS = 100;
const WARM_UP_REQUESTS = 20_000;
const REQUESTS = 20_000;
const RUNS = 3;

/** Nanoseconds of CPU that the server's process spends on each request: the median of the runs. */
export async function measureGrpcJs(requests: readonly Uint8Array[]): Promise<number> {
  const response = encodeRateLimitResponse(
    answer({ statuses: [status({ rule: rule(), remaining: 9, resetSeconds: 42 })] }),
  );
  const child = forkPinned('grpc-js-child.ts', [Buffer.from(response).toString('hex')]);
  try {
    const port = await portOf(child);
    const load = new LoadGenerator({
      port,
      path: SHOULD_RATE_LIMIT,
      messages: requests,
      answerBytesMin: response.length,
      streams: STREAMS,
    });
    await load.run(WARM_UP_REQUESTS);
    const each: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const before = await cpuOf(child);
      await load.run(REQUESTS);
      each.push((((await cpuOf(child)) - before) * 1000) / REQUESTS);
    }
    load.close();
    return each.toSorted((a, b) => a - b)[RUNS >> 1] as number;
  } finally {
    child.disconnect();
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const [message] = (await once(child, 'message')) as [ChildMessage];
  if (!('port' in message)) throw new Error('the server spoke before it listened');
  return message.port;
}

/** Microseconds of CPU that the child has spent so far. */
async function cpuOf(child: ChildProcess): Promise<number> {
  const answered = once(child, 'message') as Promise<[ChildMessage]>;
  child.send('cpu');
  const [message] = await answered;
  if (!('cpuMicroseconds' in message)) throw new Error('the server did not tell its CPU time');
  return message.cpuMicroseconds;
}
