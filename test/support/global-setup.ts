/**
 * Runs once before all tests: refuses a Node that cannot run TypeScript, and names the parts that are
 * missing, so that a skipped test is never a silent one.
 */
import { readParts } from './parts.ts';

/** The bundled Node; anything older means that vitest was started past npm. */
const NODE_MAJOR_MIN = 22;

/** Called by vitest before the first test file. */
export function setup(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN) {
    throw new Error(`tests need Node ${NODE_MAJOR_MIN} or newer: start them by npm (npm test)`);
  }
  for (const part of Object.values(readParts())) {
    if (part.kind === 'absent') process.stderr.write(`weir: ${part.reason}\n`);
  }
}
