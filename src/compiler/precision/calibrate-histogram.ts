/**
 * How often a value took which numbers: bins of equal width between -limit and limit, the limit a power of two above the largest
 * magnitude. When a larger number comes, neighbouring bins are joined, which is exact because every edge of the wider grid is one of the
 * narrower: the counts depend on the numbers alone, not on their order or on how they came in tensors.
 */

/** On each side of zero. Half of them hold numbers even where the largest is just above a power of two: eight and more for each int8 step. */
const halfBins = 4096;

export interface Histogram {
  /** Finite numbers seen. */
  readonly total: number;
  readonly min: number;
  readonly max: number;
  /** Every bin that holds numbers, from the smallest up. */
  bins(): readonly Bin[];
}

export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export interface HistogramBuilder extends Histogram {
  /** Counts the finite numbers among these. */
  add(numbers: Float32Array): void;
}

export function createHistogram(): HistogramBuilder {
  let counts = new Float64Array(2 * halfBins);
  let limit = 2 ** -126;
  let [total, min, max] = [0, Infinity, -Infinity];

  const widenTo = (magnitude: number): void => {
    let joined = 0;
    while (limit <= magnitude) {
      limit *= 2;
      joined++;
    }
    if (joined === 0 || total === 0) return;
    const wider = new Float64Array(2 * halfBins);
    counts.forEach((count, i) => {
      if (count === 0) return;
      // Beyond 2^30 bins everything lands beside zero; the shift keeps the sign, as rounding down does.
      const at = halfBins + ((i - halfBins) >> Math.min(joined, 30));
      wider[at] = (wider[at] ?? 0) + count;
    });
    counts = wider;
  };

  return {
    get total() {
      return total;
    },
    get min() {
      return min;
    },
    get max() {
      return max;
    },
    add(numbers) {
      let [low, high] = [Infinity, -Infinity];
      for (const x of numbers) {
        if (x < low && x !== -Infinity) low = x;
        if (x > high && x !== Infinity) high = x;
      }
      if (low > high) return;
      widenTo(Math.max(high, -low));
      min = Math.min(min, low);
      max = Math.max(max, high);
      const scale = halfBins / limit;
      for (const x of numbers) {
        if (!Number.isFinite(x)) continue;
        const at = halfBins + Math.floor(x * scale);
        counts[at] = (counts[at] ?? 0) + 1;
        total++;
      }
    },
    bins() {
      const width = limit / halfBins;
      const found: Bin[] = [];
      counts.forEach((count, i) => {
        const low = (i - halfBins) * width;
        if (count > 0) found.push({ low, high: low + width, count });
      });
      return found;
    },
  };
}
