/** What a run ends with when something does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}

export function violated(invariant: string, what: string): never {
  throw new Violation(invariant, what);
}
