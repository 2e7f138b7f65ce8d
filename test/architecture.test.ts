/**
 * The shape of the code: who imports whom, how large files are, what they may name and touch. First the
 * checkers are tried on small bad snippets, so that each is known to be able to fail; then the project.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { LAYERS, layerProblems, layersOf, parseLayers } from './support/architecture/layers.ts';
import { FILE_RULES, type SourceFile } from './support/architecture/rules.ts';
import { declarationsOf, importsOf, readSource } from './support/architecture/source-text.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs/ARCHITECTURE.md');
const FOLDERS = ['src', 'test', 'scripts'];

function sourceFile(path: string, text: string): SourceFile {
  return { path, text, source: readSource(text) };
}

function readFolder(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(?:ts|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) =>
      sourceFile(relative(ROOT, path).replaceAll(sep, '/'), readFileSync(path, 'utf8')),
    )
    .filter(({ path }) => !path.startsWith('src/gen/'))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

const files = FOLDERS.flatMap(readFolder);

describe('reading source text', () => {
  test.each([
    ['line comment', "a; // import 'x'\nb;", 'a;              \nb;'],
    ['block comment', 'a /* b\nc */ d', 'a     \n     d'],
    ['string', 'f(\'a // b\', "c")', 'f(\'      \', " ")'],
    ['escaped quote', "f('it\\'s') // x", "f('     ')     "],
    ['template with code inside', '`a ${b(`c ${d} e`)} f` + g', '`  ${b(`  ${d}  `)}  ` + g'],
    ['braces inside a substitution', '`${{ a: 1 }.a} x`', '`${{ a: 1 }.a}  `'],
    ['regular expression', 'x.match(/[\'"`]/g); // y', 'x.match(/      g);     '],
    ['division', 'a / b / c', 'a / b / c'],
    ['regular expression after return', 'return /`/;', 'return / /;'],
  ])('%s', (_name, text, code) => {
    expect(readSource(text).code).toBe(code);
  });

  test('keeps strings apart from comments', () => {
    expect(readSource("import 'a'; // import 'b'").uncommented.trim()).toBe("import 'a';");
  });

  test.each([
    ["import { a } from './a.ts';", [{ target: './a.ts', isTypeOnly: false }]],
    ["import type { A } from './a.ts';", [{ target: './a.ts', isTypeOnly: true }]],
    ["import { type A, type B } from './a.ts';", [{ target: './a.ts', isTypeOnly: true }]],
    ["import { type A, b } from './a.ts';", [{ target: './a.ts', isTypeOnly: false }]],
    ["import {\n  a,\n  b,\n} from 'yaml';", [{ target: 'yaml', isTypeOnly: false }]],
    ["import * as grpc from '@grpc/grpc-js';", [{ target: '@grpc/grpc-js', isTypeOnly: false }]],
    ["export { a } from './a.ts';", [{ target: './a.ts', isTypeOnly: false }]],
    ["export * from './a.ts';", [{ target: './a.ts', isTypeOnly: false }]],
    ["import './a.ts';", [{ target: './a.ts', isTypeOnly: false }]],
    ["await import('./a.ts');", [{ target: './a.ts', isTypeOnly: false }]],
    ["new Worker(new URL('./w.ts', import.meta.url));", [{ target: './w.ts', isTypeOnly: false }]],
    ["// import { a } from './a.ts';", []],
  ])('finds the imports of %s', (text, imports) => {
    expect(importsOf(readSource(text))).toEqual(imports);
  });

  test('finds declared names, not imported ones', () => {
    const text = "import { type Foo } from 'x';\nexport class Bar {}\nconst baz = 'let qux';";
    expect(declarationsOf(readSource(text)).map(({ name }) => name)).toEqual(['Bar', 'baz']);
  });
});

describe('the checker of layers', () => {
  const layers = parseLayers(
    [
      '| imports ▸ | core | runtime ports | limiter | gen | npm / node:* |',
      '|---|---|---|---|---|---|',
      '| core | yes | – | – | – | – |',
      '| `counters`, rules | types | wire/rpc-server.ts | ports | – | config/, ioredis in counters/redis/, node:net |',
      '| rpc | yes | wire/rls/ | yes | yes | node:* |',
      '| compose.ts | yes | all | yes | yes | – |',
    ].join('\n'),
  );
  const importing = (file: string, ...imports: string[]): string[] =>
    layerProblems(layers, file, importsOf(readSource(imports.join('\n'))));

  test.each([
    ['core/a.ts', "import { b } from './b.ts';"],
    ['counters/a.ts', "import type { B } from '../core/b.ts';"],
    ['rules/a.ts', "import { B } from '../limiter/rule-source.ts';"],
    ['counters/redis/a.ts', "import { Redis } from 'ioredis';"],
    ['counters/a.ts', "import { connect } from 'node:net';"],
    ['rules/a.ts', "import schema from '../../config/a.json' with { type: 'json' };"],
    ['counters/a.ts', "import { S } from '../wire/rpc-server.ts';"],
    ['rpc/a.ts', "import { x } from '../wire/rls/x.ts';"],
    ['rpc/a.ts', "import { x } from '../gen/x_pb.ts';"],
    ['rpc/a.ts', "import { readFile } from 'fs/promises';"],
    ['compose.ts', "import { x } from './wire/grpc-js/x.ts';"],
  ])('%s may: %s', (file, line) => {
    expect(importing(file, line)).toEqual([]);
  });

  test.each([
    ['core/a.ts', "import { x } from '../limiter/decide.ts';"],
    ['core/a.ts', "import { x } from 'node:fs';"],
    ['core/a.ts', "import x from 'yaml';"],
    ['counters/a.ts', "import { b } from '../core/b.ts';"],
    ['counters/a.ts', "import { L } from '../limiter/limiter.ts';"],
    ['counters/a.ts', "import { Redis } from 'ioredis';"],
    ['counters/a.ts', "import { x } from '../wire/grpc-js/x.ts';"],
    ['counters/a.ts', "import { x } from '../gen/x_pb.ts';"],
    ['rpc/a.ts', "import { x } from '../wire/grpc-js/x.ts';"],
    ['compose.ts', "import Redis from 'ioredis';"],
    ['counters/a.ts', "import x from '../../test/a.ts';"],
    ['peers/a.ts', ''],
  ])('%s may not: %s', (file, line) => {
    expect(importing(file, line)).toHaveLength(1);
  });
});

describe('the checker of files', () => {
  test.each([
    ['core knows no', 'src/core/a.ts', 'const now = Date.now();'],
    ['core knows no', 'src/core/a.ts', 'const x = Math.random();'],
    ['core knows no', 'src/core/a.ts', 'setTimeout(f, 1);'],
    ['core knows no', 'src/core/a.ts', 'process.exit(1);'],
    ['only the command line and', 'src/rpc/a.ts', "console.log('x');"],
    ['only settings', 'src/rpc/a.ts', "process.env['X'];"],
    ['modules export', 'src/rpc/a.ts', 'export default function a() {}'],
    ['modules export', 'test/a.ts', 'export { a as default };'],
    ['names say', 'src/redis-manager.ts', ''],
    ['names say', 'src/common/a.ts', ''],
    ['names say', 'src/a.ts', 'const limitsData = 1;'],
    ['names say', 'src/a.ts', 'function handle() {}'],
    ['names say', 'src/a.ts', 'class StoreImpl {}'],
    ['names say', 'src/a.ts', 'interface IStore {}'],
    ['names say', 'src/a.ts', 'type ServerInfo = string;'],
    ['nothing in src', 'src/a.ts', '// TODO later'],
    ['no test is narrowed', 'test/a.test.ts', "test.only('x', () => {});"],
    ['no test is narrowed', 'test/a.test.ts', "vi.mock('x');"],
  ])('%s …: finds %s %s', (rule, path, text) => {
    const checker = FILE_RULES.find(({ name }) => name.startsWith(rule));
    expect(checker?.appliesTo(path)).toBe(true);
    expect(checker?.problems(sourceFile(path, text))).toHaveLength(1);
  });

  test.each([
    ['src/a.ts', 400],
    ['src/compose.ts', 200],
    ['src/main.ts', 80],
  ])('%s may have %i lines and not one more', (path, lines) => {
    const checker = FILE_RULES.find(({ name }) => name.startsWith('no file is longer'));
    const found = (count: number) => checker?.problems(sourceFile(path, 'a;\n'.repeat(count)));
    expect(found(lines)).toEqual([]);
    expect(found(lines + 1)).toHaveLength(1);
  });

  test.each([
    ['src/core/a.ts', '// Date.now() is not for core\nconst resetDate = clock.performance;'],
    ['src/core/time.ts', "export const text = 'process.env';"],
    ['src/settings/a.ts', "process.env['X'];"],
    ['src/cli/a.ts', "console.log('x');"],
    ['src/a.ts', 'const metadata = 1; function handleClose() {}'],
    ['src/gauge.ts', "import { type Info } from 'x';"],
  ])('leaves %s alone: %s', (path, text) => {
    const rules = FILE_RULES.filter(({ appliesTo }) => appliesTo(path));
    expect(rules.flatMap(({ problems }) => problems(sourceFile(path, text)))).toEqual([]);
  });
});

describe('the project', () => {
  const layers = parseLayers(LAYERS);

  test('imports follow the table of layers', () => {
    const inSrc = files.filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'));
    const problems = inSrc.flatMap(({ path, source }) =>
      layerProblems(layers, path.slice('src/'.length), importsOf(source)),
    );
    expect(inSrc.length).toBeGreaterThan(0);
    expect(problems).toEqual([]);
  });

  test('no file of src imports a module whose name is worked out at run time', () => {
    const dynamic = /\bimport\s*\(\s*(?!['"\s])/;
    const found = files.filter(
      ({ path, source }) => path.startsWith('src/') && dynamic.test(source.uncommented),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  test('docs/ARCHITECTURE.md shows the same table', () => {
    const page = existsSync(PAGE) ? layersOf(readFileSync(PAGE, 'utf8')) : LAYERS;
    expect(page).toBe(LAYERS);
  });

  test.each(FILE_RULES)('$name', ({ appliesTo, problems }) => {
    const found = files
      .filter(({ path }) => appliesTo(path))
      .flatMap((file) => problems(file).map((problem) => `${file.path}: ${problem}`));
    expect(found).toEqual([]);
  });
});
