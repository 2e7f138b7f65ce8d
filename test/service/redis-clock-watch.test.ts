/** Clocks of Redis servers that are not this host's: told once, in the log and as an event. */
import { expect, it } from 'vitest';
import { type RedisClockReading, RedisClockWatch } from '../../src/service/redis-clock-watch.ts';

function watched() {
  const told: string[] = [];
  let readings: readonly RedisClockReading[] = [];
  const note =
    (how: string) =>
    (text: string, fields: object = {}): void => {
      told.push(`${how} ${text} ${JSON.stringify(fields)}`);
    };
  const watch = new RedisClockWatch(
    () => readings,
    { warn: note('warn'), info: note('info') },
    ({ name, details }) => note('audit')(name, details),
  );
  const look = (...now: readonly RedisClockReading[]): string[] => {
    readings = now;
    watch.look();
    return told.splice(0);
  };
  return { watch, look };
}

const at = (aheadMs: number, uncertaintyMs = 0, address = 'r:1'): RedisClockReading => ({
  address,
  aheadMs,
  uncertaintyMs,
});
const OFF = [
  'warn the clock of redis is not that of this host {"address":"r:1","aheadMs":60}',
  'audit redis-clock-off {"address":"r:1","aheadMs":60}',
];

it('a clock that is off is told once, and again when it is right', () => {
  const { look } = watched();
  expect(look(at(49))).toEqual([]);
  expect(look(at(60.4))).toEqual(OFF);
  expect(look(at(-80))).toEqual([]);
  // At the edge it does not flap.
  expect(look(at(45))).toEqual([]);
  expect(look(at(39))).toEqual([
    'info the clock of redis is that of this host again {"address":"r:1","aheadMs":39}',
    'audit redis-clock-good {"address":"r:1","aheadMs":39}',
  ]);
});

it('what the round trip may explain is nothing to tell', () => {
  const { look } = watched();
  expect(look(at(60, 11), at(-900, 900))).toEqual([]);
  expect(look(at(60, 10))).toEqual(OFF);
});

it('servers are told each, and forgotten when they go', () => {
  const { look } = watched();
  expect(look(at(60), at(-70, 0, 'r:2'))).toHaveLength(4);
  expect(look(at(60))).toEqual([]);
  expect(look(at(60), at(-70, 0, 'r:2'))).toHaveLength(2);
});

it('a watch that ended is not asked', () => {
  const { watch } = watched();
  watch.start();
  watch.start();
  watch.stop();
  expect(() => watch.stop()).not.toThrow();
});
