/**
 * Whether this instance should get traffic: the one answer behind gRPC health, GET /healthcheck and
 * the admin pages.
 *
 * It serves when the limits are there (where the operator asked for that), the store can be
 * reached, and it is not draining. Draining is final.
 */
export interface HealthComponents {
  readonly config: boolean;
  readonly store: boolean;
  readonly draining: boolean;
}

export type HealthListener = (isServing: boolean) => void;

/** Listeners are parts of the process, a handful. More is a leak, and `onChange` throws. */
const LISTENERS_MAX = 16;

export class HealthState {
  #config: boolean;
  #store: boolean;
  #draining = false;
  readonly #listeners: HealthListener[] = [];

  constructor(initial: { readonly config: boolean; readonly store: boolean }) {
    this.#config = initial.config;
    this.#store = initial.store;
  }

  get isServing(): boolean {
    return this.#config && this.#store && !this.#draining;
  }

  get components(): HealthComponents {
    return { config: this.#config, store: this.#store, draining: this.#draining };
  }

  setConfig(isHealthy: boolean): void {
    const before = this.isServing;
    this.#config = isHealthy;
    this.#announce(before);
  }

  setStore(isHealthy: boolean): void {
    const before = this.isServing;
    this.#store = isHealthy;
    this.#announce(before);
  }

  startDraining(): void {
    const before = this.isServing;
    this.#draining = true;
    this.#announce(before);
  }

  /** Called with each change of `isServing`, for as long as the state lives. */
  onChange(listener: HealthListener): void {
    if (this.#listeners.length >= LISTENERS_MAX) throw new Error('health: too many listeners');
    this.#listeners.push(listener);
  }

  #announce(before: boolean): void {
    const now = this.isServing;
    if (now === before) return;
    for (const listener of this.#listeners) listener(now);
  }
}
