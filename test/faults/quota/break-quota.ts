/** Loaded into a service before its own code (`node --import`): its files are read with the bug that is named. */
import { registerHooks } from 'node:module';
import { broken, QUOTA_BUGS, type QuotaBugName } from './bugs.ts';

const name = process.env['WEIR_TEST_QUOTA_BUG'] ?? '';
const bug = QUOTA_BUGS[name as QuotaBugName];
if (bug === undefined) throw new Error(`there is no bug "${name}"`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(bug.file)) return loaded;
    return { ...loaded, source: broken(String(loaded.source), bug) };
  },
});
