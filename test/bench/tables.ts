/** Results as tables: lines while the bench runs, and Markdown for the page. */
import type { Result } from './measure.ts';
import { type Group, grouped } from './scenario.ts';

interface Column {
  readonly title: string;
  /** `first` is the group's first row; `yardstick` is NaN while it is not measured. */
  readonly cell: (result: Result, first: Result, yardstickUs: number) => string;
}

const NO_CELL = '–';
/** Times and ratios below it have a second decimal. */
const SHORT_BELOW = 10;

const CPU: Column = { title: 'CPU per request, µs', cell: ({ cpuUs }) => decimal(cpuUs) };
const OF_GRPC_JS: Column = {
  title: 'of grpc-js',
  cell: ({ cpuUs }, _, yardstickUs) => ratio(cpuUs, yardstickUs),
};
const OF_FIRST: Column = {
  title: 'of the first',
  cell: ({ cpuUs }, first) => known(cpuUs / first.cpuUs, (value) => value.toFixed(2)),
};
const PER_CORE: Column = {
  title: 'req/s of one core',
  cell: ({ cpuUs }) => known(1e6 / cpuUs, significant),
};
const SEEN: Column = {
  title: 'req/s seen',
  cell: ({ perSecond }) => known(perSecond, significant),
};
const REDIS: Column = { title: 'Redis, µs', cell: ({ redisCpuUs }) => decimal(redisCpuUs) };
const CLOSED = [CPU, OF_GRPC_JS, PER_CORE, SEEN, REDIS];
const GROWTH = [CPU, OF_FIRST, OF_GRPC_JS, SEEN];

const COLUMNS: Readonly<Record<Group, readonly Column[]>> = {
  sideBySide: CLOSED,
  rate: [
    latency('p50'),
    latency('p99'),
    latency('p999'),
    { title: 'of one core', cell: ({ cores }) => known(cores, percent) },
    CPU,
    { title: 'generator held up', cell: ({ stalled }) => percent(stalled) },
    { title: 'failed', cell: ({ failed }) => String(failed) },
  ],
  matrix: [CPU, OF_FIRST, OF_GRPC_JS, SEEN, REDIS],
  rules: GROWTH,
  keys: GROWTH,
  connections: GROWTH,
  idle: [
    {
      title: 'KiB per connection',
      cell: ({ bytesPerConnection }) => decimal(bytesPerConnection / 1024),
    },
  ],
};

/** Titles of a group's table. */
export function header(group: Group): string[] {
  return ['', ...COLUMNS[group].map(({ title }) => title)];
}

export function row(result: Result, first: Result, yardstickUs: number): string[] {
  const { group, name } = result.scenario;
  return [name, ...COLUMNS[group].map(({ cell }) => cell(result, first, yardstickUs))];
}

/** One line of a table on the terminal. */
export function line(cells: readonly string[]): string {
  const [name = '', ...rest] = cells;
  const widths = rest.map((cell) => cell.padStart(Math.max(cell.length, 12)));
  return `  ${name.padEnd(56)} ${widths.join('  ')}`;
}

export function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = titles.map((_, at) => (at === 0 ? '---' : '---:'));
  return [titles, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** 1/12.3 for what is cheaper, else 1.23. */
export function ratio(part: number, whole: number): string {
  return known(part / whole, (value) =>
    value < 0.95 ? `1/${(1 / value).toFixed(1)}` : value.toFixed(2),
  );
}

function latency(share: 'p50' | 'p99' | 'p999'): Column {
  const title = share === 'p999' ? 'p99.9, ms' : `${share}, ms`;
  return { title, cell: ({ latency: its }) => decimal(its?.[share] ?? Number.NaN) };
}

function decimal(value: number): string {
  return known(value, (each) => each.toFixed(each < SHORT_BELOW ? 2 : 1));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** No more digits than a second run would give again. */
function significant(value: number): string {
  return grouped(Number(value.toPrecision(3)));
}

function known(value: number, text: (value: number) => string): string {
  return Number.isFinite(value) ? text(value) : NO_CELL;
}
