/** Order of events, and timers that are moved. */
import { expect, test } from 'vitest';
import { Random } from '../core/quota/support/random.ts';
import { EventQueue, Timer } from './event-queue.ts';

function drain(queue: EventQueue, end = Infinity): void {
  for (let action = queue.next(end); action !== null; action = queue.next(end)) void action();
}

test('events happen in the order of their time, then in the order in which they were asked for', () => {
  const queue = new EventQueue();
  const random = new Random(1);
  const happened: { at: number; order: number }[] = [];
  for (let order = 0; order < 500; order += 1) {
    const at = random.between(0, 40);
    queue.at(at, () => void happened.push({ at, order }));
  }
  drain(queue);
  const sorted = [...happened].sort((a, b) => a.at - b.at || a.order - b.order);
  expect(happened).toHaveLength(500);
  expect(happened).toEqual(sorted);
});

test('time stands at the last event before the end', () => {
  const queue = new EventQueue();
  queue.at(5, () => undefined);
  queue.at(10, () => undefined);
  drain(queue, 10);
  expect(queue.now).toBe(5);
  expect(queue.count).toBe(1);
});

test('what is asked for the past happens now', () => {
  const queue = new EventQueue();
  let at = -1;
  queue.at(7, () => queue.at(3, () => void (at = queue.now)));
  drain(queue);
  expect(at).toBe(7);
});

test.each([
  ['moved to later', [10, 30], [30]],
  ['moved to sooner', [30, 10], [10]],
  ['moved to and fro', [20, 40, 5, 25], [25]],
  ['called off', [10, Infinity], []],
])('a timer that is %s goes off then, and once', (_name, times, expected) => {
  const queue = new EventQueue();
  const wentOff: number[] = [];
  const timer = new Timer(queue, () => void wentOff.push(queue.now));
  for (const at of times) timer.set(at);
  drain(queue);
  expect(wentOff).toEqual(expected);
});

test('a timer can be set again by what it does', () => {
  const queue = new EventQueue();
  const wentOff: number[] = [];
  const timer = new Timer(queue, () => {
    wentOff.push(queue.now);
    if (queue.now < 30) timer.set(queue.now + 10);
  });
  timer.set(10);
  drain(queue);
  expect(wentOff).toEqual([10, 20, 30]);
});
