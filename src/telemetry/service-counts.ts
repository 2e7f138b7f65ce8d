/** What is counted of the service as a whole: plain numbers, read at a scrape. */
import type { StoreFailureCode } from '../limiter/counter-store.ts';
import type { RpcMethodName } from '../rpc/rpc-observer.ts';
import { DurationHistogram } from './duration-histogram.ts';

export class ServiceCounts {
  serviceErrors = 0;
  storeErrors = 0;
  globalShadows = 0;
  loads = 0;
  failedLoads = 0;
  internalErrors = 0;
  readonly storeFailures: Record<StoreFailureCode, number> = {
    breaker: 0,
    unavailable: 0,
    timeout: 0,
    overloaded: 0,
    refused: 0,
    lease: 0,
  };
  /** Made once for each method there is. */
  readonly responseTimes: Readonly<Record<RpcMethodName, DurationHistogram>> = {
    ShouldRateLimit: new DurationHistogram(),
    Check: new DurationHistogram(),
  };
}
