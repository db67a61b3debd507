/** Softmax and product in blocks of keys, against doubles and the bound that docs/numerics.md states. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { floatsOf, interpret, tensorOf } from '../../src/graph/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';

interface Case {
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly block: number;
  readonly scores: Float32Array;
  readonly values: Float32Array;
}

function run({ rows, keys, width, block, scores, values }: Case): Float32Array {
  const w = writeGraph();
  const y = w.node('systole.SoftmaxMatMul', [w.input('s', [rows, keys]), w.input('v', [keys, width])], { block })[0] ?? 0;
  const inputs = new Map([
    ['s', tensorOf('float32', [rows, keys], scores)],
    ['v', tensorOf('float32', [keys, width], values)],
  ]);
  const [out] = interpret(w.finish(y), inputs).values();
  if (out === undefined) throw new Error('no output');
  return floatsOf(out);
}

/** In doubles, with the platform's exponential: its last bits are beyond the bound. */
function exact({ rows, keys, width, scores, values }: Case): Float64Array {
  const out = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const row = Float64Array.from(scores.subarray(i * keys, (i + 1) * keys));
    const most = row.reduce((m, s) => Math.max(m, s), -Infinity);
    const e = row.map((s) => Math.exp(s - most));
    const sum = e.reduce((a, b) => a + b, 0);
    for (let p = 0; p < width; p++) out[i * width + p] = e.reduce((a, x, j) => a + x * (values[j * width + p] ?? 0), 0) / sum;
  }
  return out;
}

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 4 }),
  keys: fc.integer({ min: 1, max: 300 }),
  width: fc.integer({ min: 1, max: 4 }),
  block: fc.integer({ min: 1, max: 320 }),
  spread: fc.constantFrom(0.1, 3, 40),
  seed: fc.nat(1000),
});

function drawn({
  rows,
  keys,
  width,
  block,
  spread,
  seed,
}: Omit<Case, 'scores' | 'values'> & { readonly spread: number; readonly seed: number }): Case {
  const random = seededRandom(seed);
  const bell = (n: number, scale: number): Float32Array => Float32Array.from({ length: n }, () => random.bell() * scale);
  return { rows, keys, width, block, scores: bell(rows * keys, spread), values: bell(keys * width, 1) };
}

describe('softmax and product in blocks', () => {
  it('is within the stated bound of the exact value, whatever the block', () => {
    fc.assert(
      fc.property(sizes, (given) => {
        const c = drawn(given);
        const largest = c.values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const blocks = Math.ceil(c.keys / c.block);
        const bound = 2 ** -24 * (2 * Math.min(c.block, c.keys) + 6 * blocks + 2 * Math.log(c.keys) + 8) * largest;
        const truth = exact(c);
        run(c).forEach((y, i) => expect(Math.abs(y - (truth[i] ?? 0))).toBeLessThanOrEqual(bound));
      }),
      { numRuns: 150 },
    );
  });

  it('forgets blocks that hide all they have, and gives no number for rows that see nothing', () => {
    const hidden = -Infinity;
    const scores = Float32Array.of(hidden, hidden, 1, 2, hidden, hidden, 0, hidden, hidden, hidden, hidden, hidden);
    const y = run({ rows: 3, keys: 4, width: 1, block: 2, scores, values: Float32Array.of(5, 7, 1, 3) });
    const [a = 0, b = 0, c = 0] = y;
    expect(a).toBeCloseTo((1 + 3 * Math.E) / (1 + Math.E), 6);
    expect(b).toBe(1);
    expect(c).toBeNaN();
  });

  it('wipes out what a mask of the least number left behind', () => {
    const least = -3.4028234663852886e38;
    const y = run({ rows: 1, keys: 3, width: 1, block: 1, scores: Float32Array.of(least, 0, least), values: Float32Array.of(9, 2, 9) });
    expect([...y]).toEqual([2]);
  });

  it('keeps NaN', () => {
    const y = run({ rows: 1, keys: 3, width: 1, block: 2, scores: Float32Array.of(0, NaN, 1), values: Float32Array.of(1, 1, 1) });
    expect(y[0]).toBeNaN();
  });
});
