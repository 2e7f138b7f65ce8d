/**
 * `npm run check`: everything about the code that can be said without running the service. All stages
 * run, two at a time, whatever the others find; one line each, and the full output of those that fail.
 */
import { checkDocs, checkProto } from './generated.mjs';
import { installTools, runTool } from './tools.mjs';

/** As many as the smallest machine has cores. */
const PARALLEL_MAX = 2;

/** Slow ones first, so that the end is not a wait for one of them. */
const STAGES = [
  ['lint', () => runTool(['oxlint', '--type-aware', '--deny-warnings'])],
  ['types', () => runTool(['tsc', '--noEmit', '-p', '.'])],
  ['dead code', () => runTool(['knip', '--no-progress'])],
  [
    'architecture',
    () => runTool(['vitest', 'run', 'test/architecture.test.ts', '--reporter=default']),
  ],
  ['format', () => runTool(['biome', 'ci', '--colors=off', '.'])],
  ['proto lint', () => runTool(['buf', 'lint'])],
  ['generated code', checkProto],
  ['generated docs', checkDocs],
];

async function runStage([name, work]) {
  const startedAt = performance.now();
  const { ok, output } = await work();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(16)} ${seconds.padStart(5)} s`);
  return { name, ok, output };
}

async function runAll(stages) {
  const waiting = [...stages];
  const results = [];
  const worker = async () => {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) {
      results.push(await runStage(stage));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_MAX }, worker));
  return results;
}

await installTools();
const failed = (await runAll(STAGES)).filter(({ ok }) => !ok);
for (const { name, output } of failed) console.log(`\n== ${name}\n${output}`);
if (failed.length > 0) {
  console.log(
    `\n${failed.length} of ${STAGES.length} stages failed: ${failed.map(({ name }) => name).join(', ')}`,
  );
  process.exitCode = 1;
}
