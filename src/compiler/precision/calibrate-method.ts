/** From how often a value took which numbers to the range its int8 scale holds. */
import { clamp, roundHalfEven } from '../../core/index.ts';
import type { Histogram } from './calibrate-histogram.ts';
import { int8Quantization, type Range } from './range.ts';

/**
 * `min-max`: everything that was seen. `percentile`: without the (100 − percent) / 2 percent of numbers at either end, to the width of a
 * histogram bin. `mse`: the range whose quantization errs least in the mean of squares over what was seen, among ranges cut to between
 * all and a fifth at both ends alike, then at each end by itself.
 */
export type CalibrationMethod =
  { readonly kind: 'min-max' } | { readonly kind: 'percentile'; readonly percent: number } | { readonly kind: 'mse' };

export function rangeOf(histogram: Histogram, method: CalibrationMethod): Range {
  switch (method.kind) {
    case 'min-max':
      return { min: histogram.min, max: histogram.max };
    case 'percentile':
      return withoutTails(histogram, method.percent);
    case 'mse':
      return leastError(histogram);
  }
}

function withoutTails(histogram: Histogram, percent: number): Range {
  const bins = histogram.bins();
  const tail = (histogram.total * (100 - percent)) / 200;
  const reaches = (list: readonly { readonly count: number }[]): number => {
    let passed = 0;
    return list.findIndex(({ count }) => (passed += count) > tail);
  };
  const low = bins[reaches(bins)];
  const high = bins[bins.length - 1 - reaches(bins.toReversed())];
  return { min: Math.max(histogram.min, low?.low ?? histogram.min), max: Math.min(histogram.max, high?.high ?? histogram.max) };
}

/** How many shares of the range are tried, from all of it down to `leastShare`. */
const shares = 64;
const leastShare = 0.2;

function leastError(histogram: Histogram): Range {
  const { min, max } = histogram;
  const bins = histogram.bins();
  const centres = Float64Array.from(bins, ({ low, high }) => clamp((low + high) / 2, min, max));
  const counts = Float64Array.from(bins, ({ count }) => count);
  let best: Range = { min, max };
  let least = squaredError(centres, counts, best);
  const search = (cut: (share: number) => Range): void => {
    for (let i = 1; i <= shares; i++) {
      const range = cut(1 - ((1 - leastShare) * i) / shares);
      const error = squaredError(centres, counts, range);
      if (error < least) [best, least] = [range, error];
    }
  };
  search((share) => ({ min: min * share, max: max * share }));
  const { min: low } = best;
  search((share) => ({ min: low, max: max * share }));
  const { max: high } = best;
  search((share) => ({ min: min * share, max: high }));
  return best;
}

/** Sum over all numbers of the square of what int8 of this range makes wrong. */
function squaredError(numbers: Float64Array, counts: Float64Array, range: Range): number {
  const { scale: scales, zeroPoint } = int8Quantization(range);
  const scale = scales[0] ?? 1;
  const zero = zeroPoint[0] ?? 0;
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) {
    const x = numbers[i] ?? 0;
    const error = (clamp(roundHalfEven(x / scale) + zero, -128, 127) - zero) * scale - x;
    sum += (counts[i] ?? 0) * error * error;
  }
  return sum;
}
