/** What this process holds, once all that is no longer used has been collected. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collections until buffers are off the books: their memory is given back beside the main thread. */
const COLLECTIONS = 4;

/** Bytes of objects and buffers. */
export async function memoryBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let left = COLLECTIONS; left > 0; left--) {
    collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
