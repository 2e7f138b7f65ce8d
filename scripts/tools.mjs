/**
 * The tools of `npm run check` and `npm run generate`: formatter, linter, dead-code finder, buf. They live
 * in tools/ with exact versions and without a lock, because no complete lock of them can be made where a
 * registry lacks their other-platform binaries, and the product's own lock must stay complete.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exclusively } from './exclusive.mjs';
import { npmCommand } from './npm-command.mjs';

/** The project's folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const TOOLS = join(ROOT, 'tools');

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

function areToolsInstalled() {
  const { dependencies } = readJson(join(TOOLS, 'package.json'));
  return Object.entries(dependencies).every(
    ([name, version]) =>
      readJson(join(TOOLS, 'node_modules', name, 'package.json'))?.version === version,
  );
}

/** Installs the tools when any is absent or has another version than tools/package.json says. */
export async function installTools() {
  if (areToolsInstalled()) return;
  await exclusively(join(ROOT, '.cache/install-tools.lock'), () => {
    if (areToolsInstalled()) return;
    console.error('weir: installing the tools of tools/package.json, once for this clone');
    const flags = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
    const [command, args] = npmCommand([...flags, '--include=optional', '--prefix', TOOLS]);
    const result = spawnSync(command, args, { cwd: TOOLS, stdio: ['ignore', 2, 2] });
    if (result.status !== 0 || !areToolsInstalled()) {
      throw new Error('installing the tools failed: check that the npm registry can be reached');
    }
  });
}

/** The environment in which the project's Node comes first on the PATH, then its tools. */
export function toolsEnv() {
  const own = [join(ROOT, 'node_modules/.bin'), join(TOOLS, 'node_modules/.bin')];
  return {
    ...process.env,
    NO_COLOR: '1',
    PATH: [...own, process.env.PATH ?? ''].join(delimiter),
  };
}

/**
 * Runs a tool in the project's folder.
 *
 * @param {string[]} words program and arguments
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function runTool([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: toolsEnv(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ ok: false, output: `${command}: ${error.message}` }));
    child.on('close', (code) => {
      resolve({ ok: code === 0, output: Buffer.concat(chunks).toString('utf8').trimEnd() });
    });
  });
}
