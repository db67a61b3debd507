import { describe, expect, test } from 'vitest';
import { createBus, type Bus } from '../../../src/simulator/memory/bus.ts';

/** Runs joins `[time, work, cap]` on a bus; returns when each stream ended. */
function endTimes(model: 'bandwidth' | 'fixed', joins: readonly (readonly [number, number, number])[]): number[] {
  const bus: Bus = createBus(model, joins.length);
  const ends = joins.map(() => NaN);
  const drainUntil = (time: number): void => {
    while (bus.next <= time) {
      const now = bus.next;
      for (const stream of bus.finish(now)) ends[stream] = now;
    }
  };
  joins.forEach(([time, work, cap], i) => {
    drainUntil(time);
    bus.join(i, work, cap, time);
  });
  drainUntil(Number.MAX_SAFE_INTEGER);
  return ends;
}

describe('a memory shared by streams', () => {
  test('the worked example: the second joins half-way', () => {
    // A alone 0–500 (500 left), both at 1/2 500–1500 (A done, B 500 left), B alone until 2000.
    expect(
      endTimes('bandwidth', [
        [0, 1000, 1],
        [500, 1000, 1],
      ]),
    ).toEqual([1500, 2000]);
  });

  test('three at once end together, after all their work', () => {
    expect(
      endTimes('bandwidth', [
        [0, 100, 1],
        [0, 100, 1],
        [0, 100, 1],
      ]),
    ).toEqual([300, 300, 300]);
  });

  test('what a slow engine cannot use goes to the others', () => {
    // A can use a quarter of the memory: 100 of work take 400. B gets three quarters: 300 / 0.75 = 400. Together they fill the bus.
    expect(
      endTimes('bandwidth', [
        [0, 100, 0.25],
        [0, 300, 1],
      ]),
    ).toEqual([400, 400]);
  });

  test('engines that are slow enough do not notice each other', () => {
    expect(
      endTimes('bandwidth', [
        [0, 100, 0.5],
        [0, 100, 0.5],
      ]),
    ).toEqual([200, 200]);
  });

  test('fixed: no contention at all', () => {
    expect(
      endTimes('fixed', [
        [0, 1000, 1],
        [500, 1000, 1],
        [500, 100, 0.5],
      ]),
    ).toEqual([1000, 1500, 700]);
  });

  test('fractions of a picosecond round up, once', () => {
    // 3 × 1000 shared: 7 joins later; the ends are whole and no earlier than the work allows.
    expect(
      endTimes('bandwidth', [
        [0, 10, 1],
        [0, 11, 1],
        [0, 12, 1],
      ]),
    ).toEqual([30, 32, 33]);
  });
});
