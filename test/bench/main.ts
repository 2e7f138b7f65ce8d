/**
 * `npm run bench`: what Weir costs, beside a yardstick measured in the same run on the same machine.
 * Prints tables while it runs and writes them to docs/performance.md. `-- --quick` measures the most
 * important rows in less than a minute, and writes nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FULL, QUICK, runBench } from './bench.ts';
import { replaceMeasured } from './page.ts';
import { otherFrom } from './target.ts';

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const measured = await runBench({
  effort: values.quick ? QUICK : FULL,
  isQuick: values.quick,
  other: otherFrom(process.env),
  print: (text) => console.log(text),
});
if (!values.quick) {
  writeFileSync(PAGE, replaceMeasured(readFileSync(PAGE, 'utf8'), measured));
  console.log('docs/performance.md is written');
}
