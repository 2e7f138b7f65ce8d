import type { RpcMethodName, RpcObserver } from '../../src/rpc/rpc-observer.ts';

/** An observer that keeps what it was told. */
export class CallLedger implements RpcObserver {
  serviceErrors = 0;
  storeErrors = 0;
  readonly finished: RpcMethodName[] = [];
  readonly durationsMs: number[] = [];
  readonly internalErrors: unknown[] = [];

  serviceError(): void {
    this.serviceErrors += 1;
  }

  storeError(): void {
    this.storeErrors += 1;
  }

  requestFinished(method: RpcMethodName, durationMs: number): void {
    this.finished.push(method);
    this.durationsMs.push(durationMs);
  }

  internalError(error: unknown): void {
    this.internalErrors.push(error);
  }
}
