/** `npm run generate`: writes all generated files anew. */
import { generateDocs, generateProto } from './generated.mjs';
import { installTools } from './tools.mjs';

await installTools();
report('src/gen', await generateProto());
report('docs', await generateDocs());

/** @param {string} name @param {{ ok: boolean, output: string }} result */
function report(name, { ok, output }) {
  if (output !== '') console.log(output);
  console.log(`${ok ? 'written' : 'FAILED '}  ${name}`);
  if (!ok) process.exitCode = 1;
}
