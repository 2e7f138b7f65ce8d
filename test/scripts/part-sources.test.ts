/** Where the tests' programs come from: Go's part, with a `go` that notes what it is asked. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

interface PartSources {
  readonly fromGo: (requirement: string, packagePath: string, path: string) => string;
  readonly builtByGo: (requirement: string, path: string) => string;
  readonly fromGoFolder: (folder: string, path: string) => string;
  readonly hashOfFolder: (folder: string) => string;
}

const MODULE = new URL('../../scripts/part-sources.mjs', import.meta.url).href;
const { builtByGo, fromGo, fromGoFolder, hashOfFolder } = (await import(MODULE)) as PartSources;

/** As a build does: a program named after its package, with module and version inside as text. */
const BUILDS = `#!/bin/sh
echo "$*" >> "$0.asked"
printf '#!/bin/sh\\n#\\tmod\\texample.org/a\\t%s\\th1:x\\n' "\${2##*@}" > "$GOBIN/server"
chmod +x "$GOBIN/server"
`;
/** `go build -C folder -o path .` */
const BUILDS_FOLDER = `#!/bin/sh
echo "$*" >> "$0.asked"
printf '#!/bin/sh\\n' > "$5"
chmod +x "$5"
`;
const FAILS = `#!/bin/sh
echo 'no such module' >&2
exit 1
`;

const pathBefore = process.env['PATH'];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-parts-'));
});
afterEach(() => {
  process.env['PATH'] = pathBefore;
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a `go` of this text first on the PATH. */
function installGo(text: string): void {
  const go = join(folder, 'go');
  writeFileSync(go, text);
  chmodSync(go, 0o755);
  process.env['PATH'] = `${folder}${delimiter}${pathBefore}`;
}

function build(version: string): string {
  return fromGo(`example.org/a@${version}`, 'cmd/server', join(folder, 'bin', 'a-server'));
}

function asked(): string[] {
  return readFileSync(join(folder, 'go.asked'), 'utf8').trim().split('\n');
}

test('a program is built once, under the name it is to have', () => {
  installGo(BUILDS);
  expect(build('v1.0.0')).toBe(join(folder, 'bin', 'a-server'));
  build('v1.0.0');
  expect(asked()).toEqual(['install example.org/a/cmd/server@v1.0.0']);
  expect(readdirSync(join(folder, 'bin'))).toEqual(['a-server']);
});

test('a program that is there in another version is built anew', () => {
  installGo(BUILDS);
  for (const version of ['v1.0.0', 'v1.0.1', 'v1.0.1', 'v1.0.10']) build(version);
  expect(asked().map((line) => line.split('@')[1])).toEqual(['v1.0.0', 'v1.0.1', 'v1.0.10']);
});

test('a program that is there needs no Go', () => {
  installGo(BUILDS);
  build('v1.0.0');
  process.env['PATH'] = '';
  expect(build('v1.0.0')).toBe(join(folder, 'bin', 'a-server'));
});

test('a failed build says why and leaves nothing behind', () => {
  installGo(FAILS);
  expect(() => build('v1.0.0')).toThrow('go install: no such module');
  expect(readdirSync(join(folder, 'bin'))).toEqual([]);
});

test('without Go that is the reason', () => {
  process.env['PATH'] = folder;
  expect(() => build('v1.0.0')).toThrow('no go on the PATH');
  expect(existsSync(join(folder, 'bin'))).toBe(false);
});

test('a program that is only used where it was built before is never built', () => {
  const path = join(folder, 'bin', 'a-server');
  expect(() => builtByGo('example.org/a@v1.0.0', path)).toThrow('has not been built here');
  installGo(BUILDS);
  build('v1.0.0');
  expect(builtByGo('example.org/a@v1.0.0', path)).toBe(path);
  expect(() => builtByGo('example.org/a@v1.0.1', path)).toThrow('has not been built here');
});

test('a folder of ours is built once for each state of its files', () => {
  installGo(BUILDS_FOLDER);
  const sources = mkdtempSync(join(folder, 'sources-'));
  const buildAll = (): string => fromGoFolder(sources, join(folder, 'bin', hashOfFolder(sources)));
  writeFileSync(join(sources, 'main.go'), 'package main');
  const first = buildAll();
  expect(buildAll()).toBe(first);
  writeFileSync(join(sources, 'main.go'), 'package main // changed');
  const second = buildAll();
  expect(asked()).toEqual([first, second].map((path) => `build -C ${sources} -o ${path}.new .`));
});
