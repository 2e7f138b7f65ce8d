/**
 * Numbers as Go prints samples: 1e+06 from a million on, so that recorded pages compare as text.
 */

/** From this power of ten on, and below 10^-4, Go changes to the exponent. */
const EXPONENT_FROM = 6;
const PLAIN_BELOW = 10 ** EXPONENT_FROM;
const EXPONENT_BELOW = -4;

export function formatSample(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < PLAIN_BELOW) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent >= EXPONENT_BELOW && exponent < EXPONENT_FROM) return String(value);
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
}
