import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createClock } from '../../../src/simulator/kernel/clock.ts';

describe('clock', () => {
  test('700 MHz: edges fall at floor(n × 10000 / 7) ps, and one cycle counts as 1', () => {
    const clock = createClock(700e6);
    expect([0, 1, 2, 3, 7].map(clock.edge)).toEqual([0, 1428, 2857, 4285, 10000]);
    expect(clock.ticksUntil(clock.edge(1))).toBe(1);
    expect(clock.edge(700e6)).toBe(1e12);
  });

  test('a time counts as the first edge at or after it', () => {
    const clock = createClock(700e6);
    expect([0, 1, 1428, 1429, 2857, 2858].map(clock.ticksUntil)).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test.each([1e9, 700e6, 500e6, 1_333_333_333, 999_999_937, 32_768, 1, 3, 1e12])('%d Hz: exact against big integers', (hertz) => {
    const clock = createClock(hertz);
    const farthest = Math.min(2 ** 31, Math.floor(hertz * 9000));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: farthest }), (n) => {
        const edge = clock.edge(n);
        expect(BigInt(edge)).toBe((BigInt(n) * 1_000_000_000_000n) / BigInt(hertz));
        expect(clock.ticksUntil(edge)).toBe(n);
        expect(clock.ticksUntil(edge + 1)).toBe(n + 1 === clock.ticksUntil(edge + 1) ? n + 1 : -1);
      }),
      { numRuns: 200 },
    );
  });
});
