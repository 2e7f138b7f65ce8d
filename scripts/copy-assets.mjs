/**
 * The rest of `npm run build`: puts beside the compiled code the files that it reads at run time and
 * that the compiler does not copy. `config/` stays where it is: dist/ is as deep as src/, so a path
 * relative to a module leads to it from both.
 */
import { cpSync, statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Redis scripts. */
const ASSET_EXTENSIONS = ['.lua'];

cpSync(join(ROOT, 'src'), join(ROOT, 'dist'), {
  recursive: true,
  filter: (source) => statSync(source).isDirectory() || ASSET_EXTENSIONS.includes(extname(source)),
});
