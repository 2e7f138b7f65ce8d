import { describe, expect, it } from 'vitest';
import { Logger, type LoggerOptions, type LogLevelName } from '../../src/telemetry/logger.ts';
import { MESSAGES_PER_SECOND_MAX } from '../../src/telemetry/repeat-guard.ts';

interface Log {
  readonly logger: Logger;
  readonly lines: string[];
  clock: { now: number };
}

function log(options: Partial<LoggerOptions> = {}): Log {
  const lines: string[] = [];
  const clock = { now: Date.UTC(2026, 10, 24) };
  const logger = new Logger({
    level: 'INFO',
    format: 'text',
    write: (line) => lines.push(line),
    now: () => clock.now,
    ...options,
  });
  return { logger, lines, clock };
}

describe('a line of log', () => {
  it('is time, level, message and fields as text', () => {
    const { logger, lines } = log();
    logger.warn('limits were refused', { file: 'a.yaml', problems: 2, isNew: true, note: 'a b' });
    expect(lines).toEqual([
      'time="2026-11-24T00:00:00.000Z" level=warning msg="limits were refused" ' +
        'file=a.yaml problems=2 isNew=true note="a b"\n',
    ]);
  });

  it('is the same as JSON', () => {
    const { logger, lines } = log({ format: 'json' });
    logger.error('limits were refused', {
      file: 'a.yaml',
      problems: 2,
      none: null,
      gone: undefined,
    });
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      '@timestamp': '2026-11-24T00:00:00.000Z',
      '@message': 'limits were refused',
      level: 'error',
      file: 'a.yaml',
      problems: 2,
      none: null,
    });
  });

  const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
  const TEXT_LINE = new RegExp(
    `^time=${QUOTED} level=info msg=${QUOTED}(?: [\\w.@-]+=(?:${QUOTED}|[^\\s"]+))*$`,
  );
  const HOSTILE = [
    'a\nlevel=error msg="fake"',
    '\r\n',
    '\u0000\u001b[31m',
    '\u009b31m',
    '\u2028\u2029',
    '\u202etxt.exe',
    '\ufeff',
    'quote" and \\',
    '\ud800 lone',
    '"} {"level":"error"',
  ];
  it.each(HOSTILE)('holds %j on one line, with nothing that a terminal obeys', (text) => {
    for (const format of ['text', 'json'] as const) {
      const { logger, lines } = log({ format });
      logger.info(text, { key: text, [text]: 1 });
      expect(lines).toHaveLength(1);
      const line = (lines[0] ?? '').slice(0, -1);
      // oxlint-disable-next-line no-control-regex
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/);
      if (format === 'text') expect(line).toMatch(TEXT_LINE);
      else expect(JSON.parse(line)).toMatchObject({ '@message': text, key: text });
    }
  });

  it('cuts long values and leaves out fields beyond the bound', () => {
    const { logger, lines } = log({ format: 'json' });
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, i]));
    logger.info('x'.repeat(5000), { long: 'y'.repeat(5000), ...many });
    const line = JSON.parse(lines[0] ?? '');
    expect(line['@message']).toBe(`${'x'.repeat(2048)}…`);
    expect(line.long).toBe(`${'y'.repeat(2048)}…`);
    expect(Object.keys(line)).toHaveLength(3 + 32);
  });

  it('keeps its own fields apart from those of the message', () => {
    const { logger, lines } = log({ format: 'json' });
    logger.info('hello', { level: 'mine', '@message': 'mine too' });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      '@message': 'hello',
      'fields.level': 'mine',
      'fields.@message': 'mine too',
    });
  });
});

describe('levels', () => {
  const LEVELS: LogLevelName[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
  it.each([...LEVELS, 'PANIC'] as const)('%s writes itself and what is more severe', (level) => {
    const { logger, lines } = log({ level });
    logger.trace('m');
    logger.debug('n');
    logger.info('o');
    logger.warn('p');
    logger.error('q');
    logger.fatal('r');
    const from = [...LEVELS, 'PANIC'].indexOf(level);
    expect(lines).toHaveLength(LEVELS.length - from);
    expect(LEVELS.map((other) => logger.isEnabled(other))).toEqual(
      LEVELS.map((_, index) => index >= from),
    );
  });

  it('do not hold back what is announced', () => {
    const { logger, lines } = log({ level: 'PANIC' });
    logger.announce('Weir runs', { version: '1' });
    logger.announce('Weir stops');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('msg="Weir runs" version=1');
  });
});

describe('the same message again and again', () => {
  it('passes up to the bound in a second, and the next says how many did not', () => {
    const { logger, lines, clock } = log();
    for (let i = 0; i < MESSAGES_PER_SECOND_MAX + 5; i += 1) logger.info('redis is away', { i });
    expect(lines).toHaveLength(MESSAGES_PER_SECOND_MAX);
    logger.info('something else');
    expect(lines).toHaveLength(MESSAGES_PER_SECOND_MAX + 1);
    clock.now += 999;
    logger.info('redis is away');
    expect(lines).toHaveLength(MESSAGES_PER_SECOND_MAX + 1);
    clock.now += 1;
    logger.info('redis is away', { last: true });
    expect(lines.at(-1)).toContain('msg="redis is away" last=true suppressed=6\n');
    logger.info('redis is away');
    expect(lines.at(-1)).not.toContain('suppressed');
    expect(logger.suppressedCount).toBe(6);
  });

  it('starts anew when the clock goes back', () => {
    const { logger, lines, clock } = log();
    for (let i = 0; i < 20; i += 1) logger.info('m');
    clock.now -= 60_000;
    logger.info('m');
    expect(lines.at(-1)).toContain('suppressed=10');
  });

  it('is told of at the end, if nothing told before', () => {
    const { logger, lines } = log();
    for (let i = 0; i < MESSAGES_PER_SECOND_MAX + 2; i += 1) logger.info('m');
    logger.flush();
    expect(lines.at(-1)).toContain('msg="messages were left out" message=m suppressed=2');
    const count = lines.length;
    logger.flush();
    expect(lines).toHaveLength(count);
  });

  it('is watched for a bounded number of messages; further ones share an allowance', () => {
    const { logger, lines, clock } = log();
    for (let i = 0; i < 1000; i += 1) logger.info(`message ${i}`);
    expect(lines).toHaveLength(256 + MESSAGES_PER_SECOND_MAX);
    clock.now += 1000;
    logger.info('a new message');
    expect(lines.at(-1)).toContain('msg="a new message"');
  });
});

describe('a log that cannot be written', () => {
  it('throws nothing', () => {
    const broken = log({
      write: () => {
        throw new Error('EPIPE');
      },
    });
    expect(() => broken.logger.error('m')).not.toThrow();
    const noTime = log({ now: () => Number.NaN });
    expect(() => noTime.logger.error('m')).not.toThrow();
    expect(noTime.lines).toEqual([]);
  });
});
