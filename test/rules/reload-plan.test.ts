import { describe, expect, test } from 'vitest';
import type { FileOutcome } from '../../src/rules/check-limits.ts';
import { planReload, type Source } from '../../src/rules/reload-plan.ts';

/** `a:x` good file a for domain x · `a:x!` bad · `a!` bad, domain unknown · `a@2:x` changed text. */
function outcome(text: string): FileOutcome {
  const [head = '', domain] = text.replace('!', '').split(':');
  const [file = '', version = '1'] = head.split('@');
  const isGood = !text.endsWith('!');
  return { file, fingerprint: version, domain: domain ?? null, isGood, problems: [] };
}

/** `x=a` or `x=a,b`: domain x in force from these files, first version. */
function inForce(texts: readonly string[]): Map<string, Source[]> {
  return new Map(
    texts.map((text) => {
      const [domain = '', files = ''] = text.split('=');
      return [domain, files.split(',').map((file) => ({ file, fingerprint: '1' }))];
    }),
  );
}

/** `build x=a,b`, `unchanged x`, `kept x`, `broken x`, sorted. */
function planned(before: readonly string[], files: readonly string[], merge: boolean): string[] {
  const plan = planReload(inForce(before), files.map(outcome), merge);
  const built = [...plan.build].map(
    ([domain, sources]) => `build ${domain}=${sources.map(({ file }) => file).join(',')}`,
  );
  const kinds = (['unchanged', 'kept', 'broken'] as const).flatMap((kind) =>
    [...plan[kind]].map((domain) => `${kind} ${domain}`),
  );
  return [...built, ...kinds].sort();
}

describe('one file per domain', () => {
  test.each<[string, string[], string[], string[]]>([
    ['the first load builds every domain', [], ['a:x', 'b:y'], ['build x=a', 'build y=b']],
    ['nothing changed', ['x=a'], ['a:x'], ['unchanged x']],
    [
      'a changed file is built again',
      ['x=a', 'y=b'],
      ['a@2:x', 'b:y'],
      ['build x=a', 'unchanged y'],
    ],
    ['a deleted file takes its domain along', ['x=a', 'y=b'], ['b:y'], ['unchanged y']],
    ['a renamed file is built from its new name', ['x=a'], ['b:x'], ['build x=b']],
    ['a file that changes its domain removes the old one', ['x=a'], ['a@2:y'], ['build y=a']],
    [
      'a bad file keeps what it last provided',
      ['x=a', 'y=b'],
      ['a@2:x!', 'b@2:y'],
      ['build y=b', 'kept x'],
    ],
    ['so does one whose domain cannot be read', ['x=a'], ['a@2!'], ['kept x']],
    ['a bad file with a new name holds both', ['x=a'], ['a@2:y!'], ['broken y', 'kept x']],
    ['a file that was never good breaks its domain', [], ['a:x!'], ['broken x']],
    ['one that names no domain breaks none', [], ['a!', 'b:y'], ['build y=b']],
    ['a bad copy beside a good file does no harm', ['x=a'], ['a@2:x', 'b:x!'], ['build x=a']],
    ['the first of two files serves at the start', [], ['a:x', 'b:x!'], ['build x=a']],
    ['the file in force wins over a new one before it', ['x=b'], ['a:x', 'b:x!'], ['kept x']],
    ['a file renamed and broken in one step keeps the domain', ['x=a'], ['b:x!'], ['kept x']],
  ])('%s', (_name, before, files, plan) => {
    expect(planned(before, files, false)).toEqual(plan);
  });
});

describe('files of one domain merged', () => {
  test.each<[string, string[], string[], string[]]>([
    ['all are built together', [], ['a:x', 'b:x'], ['build x=a,b']],
    ['a change of one builds all again', ['x=a,b'], ['a:x', 'b@2:x'], ['build x=a,b']],
    ['a file less builds the rest', ['x=a,b'], ['b:x'], ['build x=b']],
    ['nothing changed', ['x=a,b'], ['a:x', 'b:x'], ['unchanged x']],
    ['a bad part keeps the whole', ['x=a,b'], ['a@2:x', 'b@2:x!'], ['kept x']],
    ['also a new bad part', ['x=a'], ['a@2:x', 'b:x!'], ['kept x']],
    ['no half of a domain is served at the start', [], ['a:x', 'b:x!'], ['broken x']],
  ])('%s', (_name, before, files, plan) => {
    expect(planned(before, files, true)).toEqual(plan);
  });
});
