/** The header grpc-timeout: up to eight digits and a unit. */

const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds, with a fraction; -1 when the text is no timeout. */
export function parseGrpcTimeout(text: string): number {
  const match = TIMEOUT.exec(text);
  return match === null ? -1 : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}
