/** docs/settings.md from the table. A test compares the file with what this writes. */
import { formatDuration } from './go-duration.ts';
import type { Row, RowGroup } from './row.ts';
import { SETTINGS_TABLE } from './table.ts';

const INTRODUCTION = `# Settings

<!-- Written by scripts/generate-docs.ts from src/settings/table.ts: edit the table. -->

Weir is set by environment variables. They are read once at start; limits are not settings, they
live in files that are reloaded while it runs. A value that is not allowed stops the start with exit
code 2, and all such problems are reported at once. An empty value stands for the default, except
for strings and paths, where it is an empty string.

- **bool**: \`true\`, \`false\`, \`1\`, \`0\`, \`t\`, \`f\`.
- **duration**: numbers with units, \`500ms\`, \`1m30s\`, \`24h\`.
- **enum**: in any case.

Status: **built** does what it says. **noted**: accepted, changes no answer, and the log at start
says so when it is set to anything but its default. **refused**: not built yet, and set to anything
but its default it stops the start, since ignoring it would change answers. Variables of
envoyproxy/ratelimit keep their names; those marked *Weir* are new.
`;

/** The whole page. */
export function settingsPage(): string {
  const groups = new Map<RowGroup, Row[]>();
  for (const row of SETTINGS_TABLE) {
    const rows = groups.get(row.group);
    if (rows === undefined) groups.set(row.group, [row]);
    else rows.push(row);
  }
  const sections = [...groups].map(([group, rows]) => section(group, rows));
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

function section(group: RowGroup, rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const cells = [
      nameText(row),
      row.type,
      defaultText(row),
      rangeOf(row),
      meaning(row),
      statusText(row),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    `## ${group}`,
    '',
    '| Name | Type | Default | Allowed | Meaning | Status |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function nameText(row: Row): string {
  return row.origin === 'weir' ? `\`${row.name}\` *Weir*` : `\`${row.name}\``;
}

function defaultText(row: Row): string {
  return row.default === '' ? 'unset' : `\`${row.default}\``;
}

function rangeOf(row: Row): string {
  if (row.type === 'enum') return (row.values ?? []).map((value) => `\`${value}\``).join(', ');
  if (row.min === undefined || row.max === undefined) return '';
  if (row.type === 'duration') return `${formatDuration(row.min)} to ${formatDuration(row.max)}`;
  const unit = row.unit === undefined || row.unit === 'port' ? '' : ` ${row.unit}`;
  const word = row.word === undefined ? '' : `, \`${row.word}\``;
  return `${row.min} to ${row.max}${unit}${word}`;
}

function meaning(row: Row): string {
  const refused = Object.entries(row.refusedValues ?? {}).map(
    ([value, advice]) => ` \`${value}\` is refused: ${advice}.`,
  );
  const because = row.because === undefined ? '' : ` Here: ${row.because}.`;
  return `${row.doc}${because}${refused.join('')}`;
}

function statusText(row: Row): string {
  return row.status === 'warned' ? 'noted' : row.status;
}
