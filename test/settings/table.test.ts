import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseValue } from '../../src/settings/parse-value.ts';
import { defaultOf } from '../../src/settings/read-settings.ts';
import { settingsPage } from '../../src/settings/settings-page.ts';
import { SETTINGS_TABLE } from '../../src/settings/table.ts';
import { OTHER_DEFAULTS, REFERENCE_VARIABLES } from './reference-variables.ts';

const byName = new Map(SETTINGS_TABLE.map((row) => [row.name, row]));

describe('settings table', () => {
  it('has a row for every variable of the reference, and no row twice', () => {
    expect(Object.keys(REFERENCE_VARIABLES).filter((name) => !byName.has(name))).toEqual([]);
    expect(byName.size).toBe(SETTINGS_TABLE.length);
  });

  it('calls a variable the reference’s exactly when the reference has it', () => {
    const claimed = SETTINGS_TABLE.filter((row) => row.origin === 'reference');
    expect(claimed.map((row) => row.name).sort()).toEqual(Object.keys(REFERENCE_VARIABLES).sort());
  });

  it('keeps the default of the reference but for the listed exceptions', () => {
    const others = Object.entries(REFERENCE_VARIABLES)
      .filter(([name, byDefault]) => byName.get(name)?.default !== byDefault)
      .map(([name]) => name);
    expect(others.sort()).toEqual(Object.keys(OTHER_DEFAULTS).sort());
  });

  it.each(SETTINGS_TABLE)('$name is completely described', (row) => {
    expect(row.name).toMatch(/^[A-Z][A-Z0-9_]*$/);
    expect(row.doc).toMatch(/^[A-Z].{8,}\.$/s);
    expect(row.status === 'built').toBe(row.because === undefined);
    expect(row.type === 'enum').toBe(row.values !== undefined);
    const isNumber = ['int', 'float', 'duration'].includes(row.type);
    expect([row.min, row.max].every((bound) => (bound !== undefined) === isNumber)).toBe(true);
    if (row.type === 'int') expect(row.unit).toBeTruthy();
    if (/_(?:AUTH|URL)$/.test(row.name) && row.name.startsWith('REDIS')) {
      expect(row.secret).toBe(true);
    }
    expect(defaultOf(row)).toBeDefined();
  });

  it.each(SETTINGS_TABLE.filter((row) => row.min !== undefined && row.type !== 'duration'))(
    '$name takes its bounds and nothing beyond them',
    (row) => {
      const { min = 0, max = 0 } = row;
      expect(parseValue(row, String(min))).toEqual({ value: min });
      expect(parseValue(row, String(max))).toEqual({ value: max });
      expect(parseValue(row, String(min - 1))).toHaveProperty('expected');
      expect(parseValue(row, String(max + 1))).toHaveProperty('expected');
    },
  );

  it('is what docs/settings.md says (npm run generate writes it)', () => {
    const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
    expect(page).toBe(settingsPage());
    for (const row of SETTINGS_TABLE) expect(page).toContain(`\`${row.name}\``);
  });

  it('has no default that its own type refuses', () => {
    const row = byName.get('PORT');
    expect(() => defaultOf({ ...(row as NonNullable<typeof row>), default: 'x' })).toThrow('PORT');
  });
});
