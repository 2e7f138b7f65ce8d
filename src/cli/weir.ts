#!/usr/bin/env node
/** The command `weir`: the process around `run`. */
import { readFileSync } from 'node:fs';
import { run } from './command-line.ts';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

process.exitCode = run(process.argv.slice(2), version, {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
});
