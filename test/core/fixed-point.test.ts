import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedPointOf, requantizeFixed, rescaleFixed } from '../../src/core/index.ts';

/** gemmlowp's definitions, in whole numbers of any size. */
function reference(acc: number, multiplier: number, shift: number): number {
  const a = BigInt.asIntN(32, BigInt(acc) << BigInt(Math.max(0, shift)));
  const product = a * BigInt(multiplier);
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  // Division of bigints cuts towards zero, as in C.
  const high = (product + nudge) / (1n << 31n);
  const n = BigInt(Math.max(0, -shift));
  const mask = (1n << n) - 1n;
  const rest = BigInt.asUintN(64, high) & mask;
  const threshold = (mask >> 1n) + (high < 0n ? 1n : 0n);
  return Number((high >> n) + (rest > threshold ? 1n : 0n));
}

const int32 = fc.oneof(fc.integer(), fc.constantFrom(-2147483648, 2147483647, -1, 0, 1, 1073741824, -1073741824));

describe('fixed-point rescaling', () => {
  it('is gemmlowp to the bit', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }), fc.integer({ min: -31, max: 4 }), (acc, multiplier, shift) => {
        expect(rescaleFixed(acc, multiplier, shift)).toBe(reference(acc, multiplier, shift));
      }),
      { numRuns: 5000 },
    );
  });

  it('takes a scale apart into 31 bits and a power of two', () => {
    expect(fixedPointOf(0.5)).toEqual({ multiplier: 2 ** 30, shift: 0 });
    expect(fixedPointOf(1)).toEqual({ multiplier: 2 ** 30, shift: 1 });
    expect(fixedPointOf(0.75 / 256)).toEqual({ multiplier: 0.75 * 2 ** 31, shift: -8 });
    expect(fixedPointOf(2 ** -40)).toEqual({ multiplier: 0, shift: 0 });
    fc.assert(
      fc.property(fc.double({ min: 2 ** -30, max: 2 ** 20, noNaN: true }), (x) => {
        const { multiplier, shift } = fixedPointOf(x);
        expect(Math.abs(multiplier * 2 ** (shift - 31) - x)).toBeLessThanOrEqual(2 ** (shift - 32));
      }),
    );
  });

  // 1000 · 0.0125 = 12.5: half to even gives 12 in floats, away from zero 13 here; −12.5 gives −13.
  it('rounds ties away from zero', () => {
    expect(requantizeFixed(1000, fixedPointOf(0.0125), 3, -128, 127)).toBe(16);
    expect(requantizeFixed(-1000, fixedPointOf(0.0125), 3, -128, 127)).toBe(-10);
    expect(requantizeFixed(1e6, fixedPointOf(0.0125), 3, -128, 127)).toBe(127);
  });
});
