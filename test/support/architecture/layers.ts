/**
 * The table of who may import what, as docs/ARCHITECTURE.md shows it under `## Layers`: the text below is
 * that table, and the rule is read from it, so that page and rule cannot drift apart.
 *
 * Cells: `–` nothing · `yes` everything · `types` only `import type` · `ports` only the limiter's port
 * files · a list of paths below src/ (a folder ends in `/`; `all` is every room) · in the last column a
 * list of packages, each for the whole room or `in` one path, and of files outside src/. A room may
 * always import itself.
 */

import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { Import } from './source-text.ts';

export const LAYERS = `
| imports ▸ | core | runtime ports | limiter | gen | npm / node:* |
|---|---|---|---|---|---|
| core | yes | – | – | – | – |
| limiter | yes | – | yes | – | – |
| rules | yes | – | ports | – | yaml, ajv, config/, node:fs, node:path, node:worker_threads |
| counters | yes | – | ports | – | ioredis in counters/redis/, node:crypto, node:fs in counters/redis/ |
| wire | yes | – | – | yes | @bufbuild/protobuf, @grpc/grpc-js, node:crypto, node:fs, node:net, node:tls, node:zlib |
| rpc | yes | wire/rpc-server.ts, wire/rls/ | ports | yes | @bufbuild/protobuf |
| telemetry | types | rpc/ | ports | – | prom-client |
| admin | types | – | ports | – | node:http, node:inspector |
| peers | yes | – | – | yes | @bufbuild/protobuf, @grpc/grpc-js, node:dns, node:fs, node:net, node:os, node:path, node:tls, node:zlib |
| settings | yes | – | – | – | node:util |
| events | yes | counters/redis/, settings/ | – | – | – |
| cli | yes | counters/redis/, events/, peers/storage/, rules/, settings/ | – | – | node:fs, node:path, node:util |
| service | yes | admin/, counters/, events/, peers/, rpc/, rules/, settings/, telemetry/, wire/ | yes | – | node:fs, node:os |
| workers | yes | admin/, rules/, service/, settings/, telemetry/, wire/ | ports | – | node:child_process, node:net, node:os |
| compose.ts | yes | all | yes | – | – |
| main.ts | – | compose.ts, settings/, telemetry/, workers/ | – | – | – |
`.trim();

/** The interfaces that the limiter owns and others implement or call. */
export const LIMITER_PORTS: readonly string[] = [
  'limiter/counter-store.ts',
  'limiter/decide.ts',
  'limiter/observer.ts',
  'limiter/rule-source.ts',
];

export interface Layer {
  /** A folder of src/ (`core`) or a file in it (`main.ts`). */
  readonly room: string;
  readonly core: string;
  readonly runtimePorts: string;
  readonly limiter: string;
  readonly gen: string;
  readonly packages: string;
}

/** Rows of the first markdown table in `text`; a row for several rooms becomes several. */
export function parseLayers(text: string): Layer[] {
  return tableRows(text)
    .slice(2)
    .flatMap((row) => {
      const [rooms = '', core = '', runtimePorts = '', limiter = '', gen = '', packages = ''] = row;
      const cells = { core, runtimePorts, limiter, gen, packages };
      return rooms.split(',').map((room) => ({ room: room.trim(), ...cells }));
    });
}

/** The table under `## Layers` of a markdown page, as written; '' when the page has none. */
export function layersOf(page: string): string {
  const section = /^## Layers\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(page)?.[1] ?? '';
  const lines = section.split('\n');
  const from = lines.findIndex((line) => line.startsWith('|'));
  if (from < 0) return '';
  const count = lines.slice(from).findIndex((line) => !line.startsWith('|'));
  return lines.slice(from, count < 0 ? undefined : from + count).join('\n');
}

function tableRows(text: string): string[][] {
  return text.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}

/** The room of a file below src/: its first folder, or the file itself. */
export function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

/** What is wrong with the imports of `file` (a path below src/), one line each. */
export function layerProblems(
  layers: readonly Layer[],
  file: string,
  imports: readonly Import[],
): string[] {
  const room = roomOf(file);
  const layer = layers.find((row) => row.room === room);
  if (layer === undefined) return [`${file}: src/${room} is in no row of the table`];
  return imports
    .filter((one) => !isAllowed(layer, file, one))
    .map(({ target }) => `${file}: may not import ${target}`);
}

function isAllowed(layer: Layer, file: string, { target, isTypeOnly }: Import): boolean {
  if (!target.startsWith('.')) return listsPackage(layer.packages, file, target);
  const path = posix.normalize(posix.join(posix.dirname(file), target));
  if (path.startsWith('../')) return lists(layer.packages, path.slice('../'.length));
  const room = roomOf(path);
  if (room === roomOf(file)) return true;
  if (lists(layer.runtimePorts, path)) return true;
  if (room === 'core') return permits(layer.core, isTypeOnly);
  if (room === 'gen') return permits(layer.gen, isTypeOnly);
  if (room !== 'limiter') return false;
  return layer.limiter === 'ports'
    ? LIMITER_PORTS.includes(path)
    : permits(layer.limiter, isTypeOnly);
}

function permits(cell: string, isTypeOnly: boolean): boolean {
  return cell === 'yes' || (cell === 'types' && isTypeOnly);
}

function lists(cell: string, path: string): boolean {
  return itemsOf(cell).some(
    (item) => item === 'all' || item === path || (item.endsWith('/') && path.startsWith(item)),
  );
}

/** `yaml`, `node:fs in rules/files.ts`, `node:*`, `ioredis in counters/redis/`. */
function listsPackage(cell: string, file: string, target: string): boolean {
  const name = packageName(target);
  return itemsOf(cell).some((item) => {
    const [allowed = '', place] = item.split(' in ');
    const isNamed = allowed === name || (allowed === 'node:*' && name.startsWith('node:'));
    return isNamed && (place === undefined || lists(place, file));
  });
}

function itemsOf(cell: string): string[] {
  return cell
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '' && item !== '–');
}

/** `node:fs/promises` → `node:fs`, `@grpc/grpc-js/x` → `@grpc/grpc-js`, `yaml/x` → `yaml`. */
function packageName(target: string): string {
  const parts = target.split('/');
  const name = target.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? target);
  return builtinModules.includes(name) ? `node:${name}` : name;
}
