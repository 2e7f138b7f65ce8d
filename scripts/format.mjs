/** `npm run format`: formats everything and sorts imports, as `npm run check` wants them. */
import { installTools, runTool } from './tools.mjs';

await installTools();
const { ok, output } = await runTool(['biome', 'check', '--write', '--colors=off', '.']);
console.log(output);
if (!ok) process.exitCode = 1;
