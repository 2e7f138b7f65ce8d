#!/usr/bin/env node
/** The command `weir`: the process around `run` and `runEvents`. */
import { readFileSync } from 'node:fs';
import { run, runEvents } from './command-line.ts';
import { ExitCode, type Output } from './output.ts';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

const output: Output = {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
};
// Whoever reads has enough: `weir events | head`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
  process.exit(code === 'EPIPE' ? ExitCode.OK : ExitCode.FAILED),
);

const [command, ...rest] = process.argv.slice(2);
if (command === 'events') {
  const end = new AbortController();
  // Once: a second one ends the process as it always does.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => end.abort());
  process.exitCode = await runEvents(rest, { env: process.env, signal: end.signal }, output);
} else process.exitCode = run(process.argv.slice(2), version, output);
