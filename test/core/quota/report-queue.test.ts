import { describe, expect, test } from 'vitest';
import { REPORT_ITEMS_MAX, SHARES_PER_SESSION_MAX } from '../../../src/core/quota/bounds.ts';
import { ReportQueue } from '../../../src/core/quota/report-queue.ts';

const item = (resource: string, used: number, window = 0) => ({
  resource,
  window,
  used,
  returned: 0,
});

describe('reports of a holder', () => {
  test('are sent as they are until they are counted, and gather what comes meanwhile', () => {
    const queue = new ReportQueue();
    expect(queue.next()).toBeNull();
    queue.add(item('r', 1));
    const first = queue.next();
    expect(first).toEqual({ sequence: 1, items: [item('r', 1)] });
    queue.add(item('r', 2));
    queue.add(item('r', 3));
    queue.add(item('r', 5, 60_000));
    expect(queue.next()).toBe(first);
    queue.count(0);
    expect(queue.next()).toBe(first);
    queue.count(1);
    expect(queue.next()).toEqual({ sequence: 2, items: [item('r', 5), item('r', 5, 60_000)] });
    expect(queue.counted).toBe(1);
  });

  test('know whether anything is open about a resource', () => {
    const queue = new ReportQueue();
    queue.add(item('r', 1));
    expect(queue.isClear('r')).toBe(false);
    expect(queue.isClear('s')).toBe(true);
    queue.next();
    expect(queue.isClear('r')).toBe(false);
    expect(queue.isClear('s')).toBe(true);
    expect(queue.isEmpty).toBe(false);
    queue.count(1);
    expect(queue.isClear('r')).toBe(true);
    expect(queue.isEmpty).toBe(true);
  });

  test('hold so many items each, and forget the oldest when too many wait', () => {
    const queue = new ReportQueue();
    const max = 2 * SHARES_PER_SESSION_MAX;
    for (let at = 0; at <= max; at += 1) queue.add(item(`r${at}`, 1));
    const { items } = queue.next()!;
    expect(items).toHaveLength(REPORT_ITEMS_MAX);
    expect(items[0]?.resource).toBe('r1');
    queue.restart();
    expect(queue.isEmpty).toBe(true);
    queue.add(item('r', 1));
    expect(queue.next()?.sequence).toBe(1);
  });
});
