/** The closed forms of matrix-ticks.ts against a grid of processing elements that is stepped tick by tick on real numbers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { matrixTicks, type Product } from '../../src/isa/index.ts';
import { systolic } from './fixtures.ts';
import { runOutputStationary, runStationary, type GridRun, type OutputFold, type StationaryArray, type StationaryFold } from './pe-grid.ts';

type Matrix = readonly (readonly number[])[];

const at = (m: Matrix, i: number, j: number): number => m[i]?.[j] ?? 0;
const matrix = (rows: number, cols: number, of: (i: number, j: number) => number): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (__, j) => of(i, j)));
const transpose = (m: Matrix): Matrix => matrix(m[0]?.length ?? 0, m.length, (i, j) => at(m, j, i));
const starts = (n: number, step: number): number[] => Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step);

function random(rows: number, cols: number, seed: number): Matrix {
  const r = seededRandom(seed);
  return matrix(rows, cols, () => r.integer(-9, 9));
}

function product(a: Matrix, b: Matrix): Matrix {
  return matrix(a.length, b[0]?.length ?? 0, (i, j) => b.reduce((sum, _, k) => sum + at(a, i, k) * at(b, k, j), 0));
}

/** One product a·b, a: M × K streams, b: K × N stays, in folds of rows × cols; what comes out added up where it belongs. */
function stationary(
  array: StationaryArray,
  products: readonly { readonly a: Matrix; readonly b: Matrix }[],
): { run: GridRun; sums: Matrix[] } {
  const folds: (StationaryFold & { readonly p: number; readonly n0: number })[] = products.flatMap(({ a, b }, p) =>
    starts(b[0]?.length ?? 0, array.cols).flatMap((n0) =>
      starts(b.length, array.rows).map((k0) => ({
        p,
        n0,
        stationary: matrix(array.rows, array.cols, (r, c) => at(b, k0 + r, n0 + c)),
        stream: matrix(a.length, array.rows, (m, r) => at(a, m, k0 + r)),
      })),
    ),
  );
  const run = runStationary(array, folds);
  const sums = products.map(({ a, b }, p) =>
    matrix(a.length, b[0]?.length ?? 0, (m, n) =>
      folds.reduce((sum, f, i) => (f.p === p && n >= f.n0 && n < f.n0 + array.cols ? sum + at(run.results[i] ?? [], m, n - f.n0) : sum), 0),
    ),
  );
  return { run, sums };
}

function outputs(array: StationaryArray, a: Matrix, b: Matrix): { run: GridRun; sums: Matrix } {
  const tiles = starts(a.length, array.rows).flatMap((m0) => starts(b[0]?.length ?? 0, array.cols).map((n0) => ({ m0, n0 })));
  const folds: OutputFold[] = tiles.map(({ m0, n0 }) => ({
    left: matrix(b.length, array.rows, (k, r) => at(a, m0 + r, k)),
    above: matrix(b.length, array.cols, (k, c) => at(b, k, n0 + c)),
  }));
  const run = runOutputStationary(array, folds);
  const sums = matrix(a.length, b[0]?.length ?? 0, (m, n) => {
    const i = tiles.findIndex(({ m0, n0 }) => m >= m0 && m < m0 + array.rows && n >= n0 && n < n0 + array.cols);
    return at(run.results[i] ?? [], m - (tiles[i]?.m0 ?? 0), n - (tiles[i]?.n0 ?? 0));
  });
  return { run, sums };
}

const side = fc.integer({ min: 1, max: 8 });
const anyArray: fc.Arbitrary<StationaryArray> = fc.record({ rows: side, cols: side, doubleBuffered: fc.boolean() });
const size = fc.integer({ min: 1, max: 12 });
const seed = fc.nat(1000);

function closedForm(array: StationaryArray, dataflow: 'ws' | 'is' | 'os', p: Partial<Product>): { ticks: number; occupied: number } {
  const whole = { products: 1, depthwise: false, m: 1, n: 1, channels: 1, taps: 1, ...p };
  const { compute, drain } = matrixTicks(systolic(array.rows, array.cols, { dataflow, doubleBuffered: array.doubleBuffered }), 1, whole);
  return { ticks: compute + drain, occupied: compute };
}

const timing = ({ ticks, occupied }: GridRun): { ticks: number; occupied: number } => ({ ticks, occupied });

describe('grid of processing elements', () => {
  test('one multiply: loads at tick 0, multiplies at tick 1', () => {
    const { run, sums } = stationary({ rows: 1, cols: 1, doubleBuffered: true }, [{ a: [[3]], b: [[5]] }]);
    expect(sums).toEqual([[[15]]]);
    expect(timing(run)).toEqual({ ticks: 2, occupied: 2 });
  });

  test('ws: products right, ticks as the closed form', () => {
    fc.assert(
      fc.property(anyArray, size, size, size, seed, (array, m, k, n, s) => {
        const [a, b] = [random(m, k, s), random(k, n, s + 1)];
        const { run, sums } = stationary(array, [{ a, b }]);
        expect(sums).toEqual([product(a, b)]);
        expect(timing(run)).toEqual(closedForm(array, 'ws', { m, n, channels: k }));
      }),
      { numRuns: 60 },
    );
  });

  test('is: the inputs stay, the weights stream', () => {
    fc.assert(
      fc.property(anyArray, size, size, size, seed, (array, m, k, n, s) => {
        const [a, b] = [random(m, k, s), random(k, n, s + 1)];
        const { run, sums } = stationary(array, [{ a: transpose(b), b: transpose(a) }]);
        expect(sums.map(transpose)).toEqual([product(a, b)]);
        expect(timing(run)).toEqual(closedForm(array, 'is', { m, n, channels: k }));
      }),
      { numRuns: 40 },
    );
  });

  test('os: sums stay and shift out', () => {
    fc.assert(
      fc.property(anyArray, size, size, size, seed, (array, m, k, n, s) => {
        const [a, b] = [random(m, k, s), random(k, n, s + 1)];
        const { run, sums } = outputs(array, a, b);
        expect(sums).toEqual(product(a, b));
        expect(timing(run)).toEqual(closedForm(array, 'os', { m, n, channels: k }));
      }),
      { numRuns: 60 },
    );
  });

  test('groups: products one after another', () => {
    fc.assert(
      fc.property(anyArray, fc.integer({ min: 1, max: 3 }), size, size, size, seed, (array, products, m, k, n, s) => {
        const groups = Array.from({ length: products }, (_, g) => ({ a: random(m, k, s + g), b: random(k, n, s - g) }));
        const { run, sums } = stationary(array, groups);
        expect(sums).toEqual(groups.map(({ a, b }) => product(a, b)));
        expect(timing(run)).toEqual(closedForm(array, 'ws', { products, m, n, channels: k }));
      }),
      { numRuns: 20 },
    );
  });

  test('depthwise: channels on the diagonal of a fold', () => {
    fc.assert(
      fc.property(
        anyArray,
        size,
        size,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        seed,
        (array, channels, m, taps, mult, s) => {
          fc.pre(taps <= array.rows && mult <= array.cols);
          const inputs = Array.from({ length: channels }, (_, c) => random(m, taps, s + c));
          const weights = Array.from({ length: channels }, (_, c) => random(taps, mult, s - c));
          const together = Math.min(Math.floor(array.rows / taps), Math.floor(array.cols / mult));
          const folds = starts(channels, together).map((first) => ({
            stationary: matrix(array.rows, array.cols, (r, c) => {
              const channel = Math.floor(r / taps);
              const own = channel < together && channel === Math.floor(c / mult) && first + channel < channels;
              return own ? at(weights[first + channel] ?? [], r % taps, c % mult) : 0;
            }),
            stream: matrix(m, array.rows, (i, r) =>
              r < together * taps ? at(inputs[first + Math.floor(r / taps)] ?? [], i, r % taps) : 0,
            ),
          }));
          const run = runStationary(array, folds);
          for (let c = 0; c < channels; c++) {
            const column = (c % together) * mult;
            const out = matrix(m, mult, (i, j) => at(run.results[Math.floor(c / together)] ?? [], i, column + j));
            expect(out).toEqual(product(inputs[c] ?? [], weights[c] ?? []));
          }
          expect(timing(run)).toEqual(closedForm(array, 'ws', { products: channels, depthwise: true, m, n: mult, taps }));
        },
      ),
      { numRuns: 40 },
    );
  });
});
