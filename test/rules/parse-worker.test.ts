import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FILES_MAX } from '../../src/rules/bounds.ts';
import { ParseFailure, ParseWorker } from '../../src/rules/parse-worker.ts';
import { limitsDirectory, limitsOf, makePipe } from './support.ts';

function newWorker(): ParseWorker {
  const worker = new ParseWorker();
  onTestFinished(() => worker.close());
  return worker;
}

const jobFor = (path: string) => ({
  directory: { path, ignoreDotFiles: false },
  merge: false,
  known: new Map(),
});

describe('the loading thread', () => {
  test('checks a directory and hands over its descriptors, load after load', async () => {
    const worker = newWorker();
    for (const domain of ['x', 'y']) {
      const path = limitsDirectory({ a: limitsOf(domain, 'k', 'j'), b: `domain: ${domain}2` });
      const { outcomes, problem } = await worker.check(jobFor(path));
      expect(problem).toBeNull();
      expect(outcomes.map((outcome) => outcome.domain)).toEqual([domain, `${domain}2`]);
      const keys: string[] = [];
      for await (const slice of worker.descriptors([join(path, 'b'), join(path, 'a')])) {
        for (const { key } of slice) keys.push(key);
      }
      expect(keys).toEqual(['k', 'j']);
      worker.rest();
      expect(worker.isReusable).toBe(true);
    }
  });

  test('is not kept after a load of much text', async () => {
    const worker = newWorker();
    const path = limitsDirectory({ a: `domain: x\n#${' '.repeat(300_000)}\n` });
    await worker.check(jobFor(path));
    worker.rest();
    expect(worker.isReusable).toBe(false);
  });

  test('that ended fails every load with a reason', async () => {
    const worker = newWorker();
    const load = worker.check(jobFor(limitsDirectory()));
    const failed = expect(load).rejects.toThrow(
      'the limits could not be loaded: the load was given up',
    );
    await worker.close();
    await failed;
    await expect(worker.check(jobFor('/'))).rejects.toBeInstanceOf(ParseFailure);
    expect(worker.isReusable).toBe(false);
  });

  test('that waits for a disk is not waited for when it is closed', async () => {
    const pipe = join(limitsDirectory(), 'pipe');
    makePipe(pipe);
    onTestFinished(() => closeSync(openSync(pipe, constants.O_RDWR)));
    const checked = { kind: 'checked', outcomes: [], problem: null, textLength: 0 };
    const script = `
      import { openSync } from 'node:fs';
      import { parentPort } from 'node:worker_threads';
      parentPort.once('message', () => {
        parentPort.postMessage(${JSON.stringify(checked)});
        openSync(${JSON.stringify(pipe)});
      });`;
    const worker = new ParseWorker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    await worker.check(jobFor('/'));
    await worker.close();
    expect(worker.isReusable).toBe(false);
  });

  test('does not wait at a pipe in the directory', async () => {
    const path = limitsDirectory({ a: 'domain: x' });
    makePipe(join(path, 'z'));
    const { outcomes } = await newWorker().check(jobFor(path));
    expect(outcomes.map(({ isGood, problems }) => [isGood, problems[0]?.message])).toEqual([
      [true, undefined],
      [false, `error reading file ${path}/z: is a named pipe, not a regular file`],
    ]);
  });

  test('that crashes fails the load with its error', async () => {
    const worker = newWorker();
    const job = { ...jobFor(limitsDirectory()), directory: null as never };
    await expect(worker.check(job)).rejects.toThrow(
      /^the limits could not be loaded: Cannot .* null/,
    );
    expect(worker.isReusable).toBe(false);
  });

  test('refuses a directory of too many files without reading them', async () => {
    const names = Array.from({ length: FILES_MAX + 1 }, (_, i) => [`f${i}`, ''] as const);
    const path = limitsDirectory(Object.fromEntries(names));
    const { outcomes, problem } = await newWorker().check(jobFor(path));
    expect(outcomes).toEqual([]);
    expect(problem?.message).toBe(`more than ${FILES_MAX} files in ${path}`);
  });
});
