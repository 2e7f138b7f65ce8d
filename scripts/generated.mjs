/**
 * What is generated and committed: the protobuf code (buf, from proto/) and the parts of the docs that
 * are made from the program's own tables (scripts/generate-docs.ts). `npm run generate` writes both;
 * `npm run check` makes them anew and compares.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, runTool } from './tools.mjs';

const DOCS_GENERATOR = 'scripts/generate-docs.ts';
/** Where the docs generator may write, apart from the README. */
const DOCS_FOLDERS = ['docs', 'config'];
const ADVICE = 'run `npm run generate` and commit the result';

/** Writes src/gen below `outDir`. */
export function generateProto(outDir = ROOT) {
  return runTool(['buf', 'generate', '--output', outDir]);
}

/** Writes the generated parts of the docs, where there is a generator. */
export function generateDocs() {
  if (!existsSync(join(ROOT, DOCS_GENERATOR))) return { ok: true, output: '' };
  return runTool(['node', DOCS_GENERATOR]);
}

/** Fails when src/gen is not what buf makes of proto/. */
export async function checkProto() {
  const outDir = mkdtempSync(join(tmpdir(), 'weir-generated-'));
  try {
    const made = await generateProto(outDir);
    if (!made.ok) return made;
    const fresh = readTree(join(outDir, 'src/gen'));
    return compare(readTree(join(ROOT, 'src/gen')), fresh);
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

/** Fails when the docs generator would change a file; leaves the files as they were. */
export async function checkDocs() {
  const before = readDocs();
  const made = await generateDocs();
  const after = readDocs();
  for (const [path, text] of after) {
    if (!before.has(path)) rmSync(path);
    else if (before.get(path) !== text) writeFileSync(path, before.get(path));
  }
  return made.ok ? compare(before, after) : made;
}

function readDocs() {
  const files = DOCS_FOLDERS.map((folder) => join(ROOT, folder)).flatMap((folder) =>
    [...readTree(folder)].map(([name, text]) => [join(folder, name), text]),
  );
  const readme = join(ROOT, 'README.md');
  if (existsSync(readme)) files.push([readme, readFileSync(readme, 'utf8')]);
  return new Map(files);
}

/** File names, relative to `folder`, with their text. */
function readTree(folder) {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

/** @param {Map<string, string>} committed @param {Map<string, string>} fresh */
export function compare(committed, fresh) {
  const names = [...new Set([...committed.keys(), ...fresh.keys()])].toSorted();
  const lines = names
    .filter((name) => committed.get(name) !== fresh.get(name))
    .map((name) => {
      if (!committed.has(name)) return `${name}: missing`;
      return fresh.has(name) ? `${name}: out of date` : `${name}: no longer generated`;
    });
  return { ok: lines.length === 0, output: [...lines, ADVICE].join('\n') };
}
