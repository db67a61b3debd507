/** Ranges from histograms: what is cut off, and that neither order nor grouping of the numbers matters. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { calibrate, type CalibrationMethod } from '../../../src/compiler/precision/index.ts';
import { createHistogram } from '../../../src/compiler/precision/calibrate-histogram.ts';
import { seededRandom, type Tensor } from '../../../src/core/index.ts';
import { parseGraph } from '../../../src/graph/index.ts';

const identity = (n: number) =>
  parseGraph(`graph "g" opset 13 {
  input %x: float32[${n}]
  %y: float32[${n}] = Neg(%x) name "neg" origin ["neg"]
  return %y
}`);

function rangeOf(numbers: ArrayLike<number>, method: CalibrationMethod, name = 'x'): readonly [number, number] {
  const x: Tensor = { dtype: 'float32', shape: [numbers.length], data: Float32Array.from(numbers) };
  const range = calibrate(identity(numbers.length), [new Map([['x', x]])], method).get(name);
  return [range?.min ?? NaN, range?.max ?? NaN];
}

const percentile = (percent: number): CalibrationMethod => ({ kind: 'percentile', percent });

describe('percentile', () => {
  const thousand = Array.from({ length: 1000 }, (_, i) => i / 1000);

  test('a half percent from each end of 0 … 0.999 leaves 0.005 … 0.995, to a bin of 1/4096', () => {
    const [min, max] = rangeOf(thousand, percentile(99));
    expect(Math.abs(min - 0.005)).toBeLessThan(1 / 4096);
    expect(Math.abs(max - 0.994)).toBeLessThan(1 / 2048);
  });

  test('100 percent is min-max', () => {
    expect(rangeOf(thousand, percentile(100))).toEqual(rangeOf(thousand, { kind: 'min-max' }));
  });

  test('one outlier in ten thousand is cut', () => {
    const random = seededRandom(1);
    const numbers = Array.from({ length: 10_000 }, () => random.bell());
    numbers[123] = 1000;
    expect(rangeOf(numbers, { kind: 'min-max' })[1]).toBe(1000);
    expect(rangeOf(numbers, percentile(99.9))[1]).toBeLessThan(4);
  });
});

describe('mse', () => {
  const squared = (numbers: readonly number[], [min, max]: readonly [number, number]): number => {
    const scale = (max - min) / 255;
    return numbers.reduce((sum, x) => {
      const q = Math.min(max, Math.max(min, min + Math.round((x - min) / scale) * scale));
      return sum + (q - x) ** 2;
    }, 0);
  };

  test('cuts far outliers where that errs less, and never errs more than min-max', () => {
    const random = seededRandom(2);
    const numbers = Array.from({ length: 50_000 }, () => random.bell());
    numbers[7] = 12;
    const cut = rangeOf(numbers, { kind: 'mse' });
    const all = rangeOf(numbers, { kind: 'min-max' });
    expect(cut[1]).toBeLessThan(all[1]);
    expect(squared(numbers, cut)).toBeLessThan(squared(numbers, all));
  });

  test('keeps an even spread whole', () => {
    const even = Array.from({ length: 4096 }, (_, i) => i / 4096 - 0.5);
    const [min, max] = rangeOf(even, { kind: 'mse' });
    expect(max - min).toBeGreaterThan(0.97);
  });

  test('nothing but zeros', () => {
    expect(rangeOf([0, 0], { kind: 'mse' })).toEqual([0, 0]);
  });
});

describe('histograms', () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

  test('neither order nor grouping matters', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 60 }), fc.nat(), (numbers, cut) => {
        const at = cut % numbers.length;
        const one = createHistogram();
        one.add(Float32Array.from(numbers));
        const other = createHistogram();
        other.add(Float32Array.from(numbers.slice(at).reverse()));
        other.add(Float32Array.from(numbers.slice(0, at)));
        expect(other.bins()).toEqual(one.bins());
        expect([other.min, other.max, other.total]).toEqual([one.min, one.max, one.total]);
      }),
    );
  });

  test('every number lies in its bin; infinities and NaN in none', () => {
    const h = createHistogram();
    h.add(Float32Array.of(1, -1, 0.25, 3, NaN, Infinity, -Infinity));
    expect(h.total).toBe(4);
    for (const x of [1, -1, 0.25, 3])
      expect(
        h
          .bins()
          .filter((b) => b.low <= x && x < b.high)
          .map((b) => b.count),
      ).toEqual([1]);
  });
});

test('several samples make one range', () => {
  const sample = (value: number): ReadonlyMap<string, Tensor> =>
    new Map([['x', { dtype: 'float32', shape: [2], data: Float32Array.of(value, 0) }]]);
  for (const method of [{ kind: 'min-max' }, percentile(100), { kind: 'mse' }] as const) {
    const table = calibrate(identity(2), [sample(-1), sample(3), sample(2)], method);
    expect(table.get('x')?.max).toBeCloseTo(3, 2);
    expect(table.get('y')?.min).toBeCloseTo(-3, 2);
  }
});
