import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DirectoryWatch } from '../../src/rules/directory-watch.ts';
import { limitsDirectory } from './support.ts';

describe('watching a directory', () => {
  test('a directory that is written to all the time is reported all the same', async () => {
    const path = limitsDirectory({ a: '' });
    let changed = (): void => {};
    const report = new Promise<void>((resolve) => {
      changed = resolve;
    });
    const directory = { path, ignoreDotFiles: false };
    const watch = new DirectoryWatch({ directory, watchRoot: null, onChange: () => changed() });
    onTestFinished(() => watch.close());
    await watch.start();
    let writes = 0;
    const writer = setInterval(() => writeFileSync(join(path, 'a'), `${writes++}`), 5);
    onTestFinished(() => clearInterval(writer));
    await report;
    expect(writes).toBeGreaterThan(0);
  });

  test('closed before it started it never looks', async () => {
    const path = limitsDirectory({ a: '' });
    const directory = { path, ignoreDotFiles: false };
    const onChange = (): void => expect.unreachable('it was closed');
    const watch = new DirectoryWatch({ directory, watchRoot: null, onChange });
    const started = watch.start();
    watch.close();
    await started;
    writeFileSync(join(path, 'a'), 'changed');
  });
});
