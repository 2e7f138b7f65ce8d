/**
 * Installs the packages of package-lock.json when node_modules does not hold them, and makes sure that
 * `npm run` will use a Node that runs TypeScript. Called before `npm start`, `npm test` and the other
 * scripts, so that each works on a fresh clone. Plain JavaScript for Node 20 without packages.
 *
 * What is installed is read from npm's own record, node_modules/.package-lock.json, which npm writes last:
 * an install of the user's own counts, and one that was cut short does not.
 * `--runtime` is content with the runtime's packages (a tree made with `npm ci --omit=dev`).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { exclusively } from './exclusive.mjs';
import { npmCommand } from './npm-command.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Paths of packages that the lock asks for and the installed tree lacks or has in another version.
 *
 * @param {object} lock package-lock.json
 * @param {object | null} installed node_modules/.package-lock.json; null when there is none
 * @param {{ runtimeOnly: boolean }} options
 * @returns {string[]}
 */
export function missingPackages(lock, installed, { runtimeOnly }) {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && !isOptional(entry) && !(runtimeOnly && entry.dev))
    .filter(([path, entry]) => installed?.packages[path]?.version !== entry.version)
    .map(([path]) => path);
}

/** Other platforms' binaries are optional: which of them belong here is npm's business. */
function isOptional(entry) {
  return entry.optional === true || entry.devOptional === true || entry.peer === true;
}

/** True when a Node of this version runs TypeScript files without a flag. */
export function runsTypeScript(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

function isInstalled(runtimeOnly) {
  const lock = readJson(join(ROOT, 'package-lock.json'));
  const installed = readJson(join(ROOT, 'node_modules/.package-lock.json'));
  return missingPackages(lock, installed, { runtimeOnly }).length === 0;
}

function install() {
  console.error('weir: installing packages (npm ci), once for this clone');
  const flags = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const [command, args] = npmCommand(flags);
  // npm's report goes to stderr: what a script prints on stdout stays its own.
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  const reason = result.error?.message ?? `exit code ${result.status ?? result.signal}`;
  throw new Error(
    `npm ci failed (${reason}). Check that the npm registry can be reached, that this folder can be ` +
      'written, and that package-lock.json is unchanged (git status); then run the command again.',
  );
}

/** The bundled Node's version, from its package; null where no package fits this platform. */
function bundledNodeVersion() {
  const name = `node-${process.platform}-${process.arch}`;
  return readJson(join(ROOT, 'node_modules', name, 'package.json'))?.version ?? null;
}

function checkNode({ isFresh }) {
  const bin = join(ROOT, 'node_modules/.bin/node');
  const bundled = bundledNodeVersion();
  if (bundled !== null && existsSync(bin)) {
    // Started once after an install: a Node made for another C library is there and yet does not run.
    if (!isFresh || spawnSync(bin, ['--version']).status === 0) return;
    rmSync(bin);
  }
  if (runsTypeScript(process.version)) return;
  throw new Error(
    `Weir runs on Node 24 (22.18 at least). This is Node ${process.version}, and the one that npm brings ` +
      `along does not run on ${process.platform}-${process.arch}. Install Node 24 and run the command again.`,
  );
}

/** @param {{ runtimeOnly?: boolean }} [options] */
export async function installPackages({ runtimeOnly = false } = {}) {
  let isFresh = false;
  if (!isInstalled(runtimeOnly)) {
    await exclusively(join(ROOT, '.cache/install-packages.lock'), () => {
      if (isInstalled(runtimeOnly)) return; // another process did it while this one waited
      install();
      isFresh = true;
    });
  }
  checkNode({ isFresh });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await installPackages({ runtimeOnly: process.argv.includes('--runtime') });
  } catch (error) {
    console.error(`weir: ${error.message}`);
    process.exitCode = 1;
  }
}
