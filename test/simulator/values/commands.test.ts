/** POOL, VECTOR, REDUCE and moves against plain formulas. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dequantize, quantize, requantize, roundHalfEven, seededRandom, sigmoid32, type DType } from '../../../src/core/index.ts';
import type { PoolCommand, Ref, VectorStep } from '../../../src/isa/command.ts';
import { bitsOf32, copy, float32, int32, int8, local, output, ref, row, run } from './tiny.ts';

const small = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const ints = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.integer(-128, 127));
};
const floats = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.fround(random.bell()));
};

describe('POOL', () => {
  const pool = fc.record({
    c: small(4),
    h: small(9),
    w: small(9),
    kernel: fc.tuple(small(3), small(3)),
    strides: fc.tuple(small(3), small(3)),
    dilations: fc.tuple(small(2), small(2)),
    padTop: fc.integer({ min: -1, max: 2 }),
    padLeft: fc.integer({ min: -1, max: 2 }),
    oh: small(6),
    ow: small(6),
    includePad: fc.boolean(),
    seed: fc.nat(),
  });
  type Pool = typeof pool extends fc.Arbitrary<infer T> ? T : never;

  const taps = (p: Pool, i: number, j: number): { inside: [number, number][]; counted: number } => {
    const inside: [number, number][] = [];
    let counted = 0;
    const reach = p.includePad ? 2 : 0;
    for (let r = 0; r < p.kernel[0]; r++)
      for (let s = 0; s < p.kernel[1]; s++) {
        const y = i * p.strides[0] + r * p.dilations[0] - p.padTop;
        const x = j * p.strides[1] + s * p.dilations[1] - p.padLeft;
        if (y >= 0 && y < p.h && x >= 0 && x < p.w) inside.push([y, x]);
        if (y >= -reach && y < p.h + reach && x >= -reach && x < p.w + reach) counted++;
      }
    return { inside, counted };
  };
  const command = (p: Pool, kind: 'max' | 'average', dtype: DType): PoolCommand => {
    const reach = p.includePad ? 2 : 0;
    return {
      op: 'POOL',
      kind,
      x: ref(0, 0, dtype, 0, [1, p.c, p.h, p.w]),
      out: ref(0, 1, dtype, 0, [1, p.c, p.oh, p.ow]),
      kernel: p.kernel,
      strides: p.strides,
      dilations: p.dilations,
      padTop: p.padTop,
      padLeft: p.padLeft,
      countBox: [-reach, -reach, p.h + reach, p.w + reach],
      xZero: 4,
      multiplier: Math.fround(1.3),
      outZero: -7,
      lo: dtype === 'int8' ? -128 : -Infinity,
      hi: dtype === 'int8' ? 127 : Infinity,
    };
  };
  const evaluate = (p: Pool, of: (values: number[], counted: number) => number, x: readonly number[]): number[] => {
    const result: number[] = [];
    for (let c = 0; c < p.c; c++)
      for (let i = 0; i < p.oh; i++)
        for (let j = 0; j < p.ow; j++) {
          const { inside, counted } = taps(p, i, j);
          result.push(
            of(
              inside.map(([y, xx]) => x[(c * p.h + y) * p.w + xx] ?? 0),
              counted,
            ),
          );
        }
    return result;
  };

  test('max of int8, average of int8 and of fp32', () => {
    fc.assert(
      fc.property(pool, (p) => {
        const shape = [1, p.c, p.h, p.w];
        const outputs = (dtype: DType) => [{ dtype, shape: [1, p.c, p.oh, p.ow] }];
        const x = ints(p.seed, size(shape));
        const max = run({ rows: [row('vector', command(p, 'max', 'int8'))], inputs: [int8(shape, x)], outputs: outputs('int8') });
        expect(output(max)).toEqual(evaluate(p, (v) => Math.max(-128, ...v), x));

        const average = run({ rows: [row('vector', command(p, 'average', 'int8'))], inputs: [int8(shape, x)], outputs: outputs('int8') });
        const integerAverage = (v: number[], counted: number): number => {
          const sum = v.reduce((a, b) => a + b - 4, 0);
          const q = roundHalfEven(Math.fround(Math.fround(sum / Math.max(1, counted)) * Math.fround(1.3))) - 7;
          return Math.min(127, Math.max(-128, q));
        };
        expect(output(average)).toEqual(evaluate(p, integerAverage, x));

        const f = floats(p.seed, size(shape));
        const mean = run({
          rows: [row('vector', command(p, 'average', 'float32'))],
          inputs: [float32(shape, f)],
          outputs: outputs('float32'),
        });
        const floatAverage = (v: number[], counted: number): number =>
          Math.fround(v.reduce((a, b) => Math.fround(a + b), 0) / Math.max(1, counted));
        expect(output(mean)).toEqual(evaluate(p, floatAverage, f));
      }),
      { numRuns: 200 },
    );
  });
});

describe('VECTOR', () => {
  const step = (op: VectorStep['op'], dst: number, a = -1, b = -1, c = -1, immediate = 0): VectorStep => ({ op, dst, a, b, c, immediate });

  test('int8 add: dequantize both, add in fp32, ReLU, quantize', () => {
    const a = ints(1, 1500);
    const b = ints(2, 1500);
    const steps = [
      step('loadInt', 0, 0),
      step('loadInt', 1, 1),
      step('immediate', 2, -1, -1, -1, 3),
      step('immediate', 3, -1, -1, -1, 0.1),
      step('dequantize', 4, 0, 2, 3),
      step('immediate', 2, -1, -1, -1, -5),
      step('immediate', 3, -1, -1, -1, 0.07),
      step('dequantize', 5, 1, 2, 3),
      step('add', 4, 4, 5),
      step('immediate', 2, -1, -1, -1, 0),
      step('max', 4, 4, 2),
      step('immediate', 3, -1, -1, -1, 0.06),
      step('immediate', 2, -1, -1, -1, -128),
      step('quantize', 4, 4, 3, 2),
      step('store', 0, 4),
    ];
    const rows = [
      row('vector', {
        op: 'VECTOR',
        inputs: [ref(0, 0, 'int8', 0, [1500]), ref(0, 1, 'int8', 0, [1500])],
        outputs: [ref(0, 2, 'int8', 0, [1500])],
        steps,
      }),
    ];
    const execution = run({ rows, inputs: [int8([1500], a), int8([1500], b)], outputs: [{ dtype: 'int8', shape: [1500] }] });
    const f = Math.fround;
    let saturated = 0;
    const expected = a.map((x, i) => {
      const sum = f(dequantize(x, f(0.1), 3) + dequantize(b[i] ?? 0, f(0.07), -5));
      const q = quantize(Math.max(0, sum), f(0.06), -128, -Infinity, Infinity);
      if (q > 127) saturated++;
      return Math.min(q, 127);
    });
    expect(output(execution)).toEqual(expected);
    expect(saturated).toBeGreaterThan(0);
    expect(execution.kernelStats[0]).toEqual({ outputs: 1500, saturated, distinctValues: new Set(expected).size });
  });

  test('requantize of int32 with a scale per channel, broadcast over the rest', () => {
    const acc = [5, -7, 100, 2 ** 30, -3, 9];
    const rows = [
      row('vector', {
        op: 'VECTOR',
        inputs: [ref(0, 0, 'int32', 0, [2, 3]), ref(0, 1, 'float32', 0, [2, 3], { strides: [4, 0] })],
        outputs: [ref(0, 2, 'int8', 0, [2, 3])],
        steps: [
          step('loadInt', 0, 0),
          step('load', 1, 1),
          step('immediate', 2, -1, -1, -1, 2),
          step('requantize', 0, 0, 1, 2),
          step('store', 0, 0),
        ],
      }),
    ];
    const got = output(run({ rows, inputs: [int32([2, 3], acc), float32([2], [0.5, 0.25])], outputs: [{ dtype: 'int8', shape: [2, 3] }] }));
    expect(got).toEqual(acc.map((v, i) => requantize(v, i < 3 ? 0.5 : 0.25, 2, -128, 127)));
  });

  test('every opcode on fp32, rounded after each step; two outputs; in place', () => {
    const x = [0.3, -1.25, 2.5, 7, -0, 1e-3];
    const unary = ['neg', 'abs', 'floor', 'exp', 'tanh', 'erf', 'sigmoid'] as const;
    const steps = [
      step('load', 0, 0),
      ...unary.map((op, i) => step(op, i + 1, 0)),
      step('mul', 8, 0, 7),
      step('store', 0, 7),
      step('store', 1, 8),
    ];
    const here = local('float32', 0, [6]);
    const rows = [
      row('dma-in', copy(ref(0, 0, 'float32', 0, [6]), here)),
      row('dma-in', { op: 'SIGNAL', core: 0, id: 0, count: 1 }),
      row('vector', { op: 'WAIT', core: 0, id: 0, count: 1 }),
      row('vector', { op: 'VECTOR', inputs: [here], outputs: [ref(0, 1, 'float32', 0, [6]), here], steps }),
      row('vector', { op: 'SIGNAL', core: 0, id: 1, count: 1 }),
      row('dma-out', { op: 'WAIT', core: 0, id: 1, count: 1 }),
      row('dma-out', copy(here, ref(0, 2, 'float32', 0, [6]))),
    ];
    const outputs = [0, 1].map(() => ({ dtype: 'float32' as const, shape: [6] }));
    const execution = run({ rows, inputs: [float32([6], x)], outputs });
    const rounded = x.map(Math.fround);
    expect(output(execution, 'out0')).toEqual(rounded.map(sigmoid32));
    expect(bitsOf32(output(execution, 'out1'))).toEqual(bitsOf32(rounded.map((v) => Math.fround(v * sigmoid32(v)))));
  });

  test('store cuts fractions, saturates, and takes NaN for the lowest value', () => {
    const rows = [
      row('vector', {
        op: 'VECTOR',
        inputs: [ref(0, 0, 'float32', 0, [5])],
        outputs: [ref(0, 1, 'uint8', 0, [5])],
        steps: [step('load', 0, 0), step('store', 0, 0)],
      }),
    ];
    expect(output(run({ rows, inputs: [float32([5], [2.9, -1, 300, NaN, 255])], outputs: [{ dtype: 'uint8', shape: [5] }] }))).toEqual([
      2, 0, 255, 0, 255,
    ]);
  });
});

describe('REDUCE', () => {
  const shape = fc.record({
    a: small(4),
    b: small(5),
    c: small(6),
    folds: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    seed: fc.nat(),
  });

  test('sum, max, sum of squares over any axes, with and without carry', () => {
    fc.assert(
      fc.property(
        shape,
        fc.constantFrom('sum' as const, 'max' as const, 'sumSquares' as const),
        fc.boolean(),
        ({ a, b, c, folds, seed }, kind, carry) => {
          const extents = [a, b, c];
          const kept = extents.map((e, i) => (folds[i] ? 1 : e));
          const dense = ref(0, 0, 'int32', 0, kept).strides;
          const acc: Ref = { space: 0, region: 2, dtype: 'int32', offset: 0, extents, strides: dense.map((s, i) => (folds[i] ? 0 : s)) };
          const x = ints(seed, a * b * c);
          const start = ints(seed + 1, size(kept));
          const rows = [
            row('vector', copy(ref(0, 1, 'int32', 0, kept), ref(0, 2, 'int32', 0, kept))),
            row('vector', {
              op: 'REDUCE',
              kind,
              mode: carry ? 'accumulate' : 'overwrite',
              x: ref(0, 0, 'int8', 0, extents),
              acc,
              xZero: 2,
            }),
          ];
          const got = output(run({ rows, inputs: [int8(extents, x), int32(kept, start)], outputs: [{ dtype: 'int32', shape: kept }] }));
          const expected = carry ? [...start] : start.map(() => (kind === 'max' ? -2147483648 : 0));
          for (let i = 0; i < a; i++)
            for (let j = 0; j < b; j++)
              for (let k = 0; k < c; k++) {
                const at = ((folds[0] ? 0 : i) * (kept[1] ?? 1) + (folds[1] ? 0 : j)) * (kept[2] ?? 1) + (folds[2] ? 0 : k);
                const v = (x[(i * b + j) * c + k] ?? 0) - 2;
                const old = expected[at] ?? 0;
                expected[at] = kind === 'max' ? Math.max(old, v) : old + (kind === 'sum' ? v : v * v);
              }
          expect(got).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('fp32 sums are rounded one by one, in row-major order', () => {
    const x = floats(3, 100);
    const acc = ref(0, 1, 'float32', 0, [100], { strides: [0] });
    const rows = [row('vector', { op: 'REDUCE', kind: 'sum', mode: 'overwrite', x: ref(0, 0, 'float32', 0, [100]), acc, xZero: 0 })];
    const got = output(run({ rows, inputs: [float32([100], x)], outputs: [{ dtype: 'float32', shape: [1] }] }));
    expect(got).toEqual([x.reduce((sum, v) => Math.fround(sum + v), 0)]);
  });
});

describe('moves', () => {
  test('transpose, any element size, any alignment', () => {
    fc.assert(
      fc.property(
        small(7),
        small(9),
        fc.constantFrom<DType>('int8', 'int16', 'int32', 'float32', 'float64'),
        fc.nat(3),
        (h, w, dtype, shift) => {
          const bytes = { int8: 1, int16: 2, int32: 4, float32: 4, float64: 8 }[dtype as 'int8'];
          const count = h * w * bytes;
          const x = ints(h * 100 + w, count);
          const from = ref(1, -1, dtype, shift, [w, h], { strides: [bytes, w * bytes] });
          const rows = [
            row('vector', copy(ref(0, 0, 'int8', 0, [count]), local('int8', shift, [count]))),
            row('vector', copy(from, ref(0, 1, dtype, 0, [w, h]))),
          ];
          const got = output(run({ rows, inputs: [int8([count], x)], outputs: [{ dtype: 'int8', shape: [count] }] }));
          const expected: number[] = [];
          for (let j = 0; j < w; j++) for (let i = 0; i < h; i++) expected.push(...x.slice((i * w + j) * bytes, (i * w + j + 1) * bytes));
          expect(got).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('into a ring that wraps, slab by slab and inside a slab', () => {
    // Six elements into a ring of 4 bytes per slab × 3 slabs, from byte 6: the second slab is cut by the end.
    const ring = local('int8', 6, [2, 4], { strides: [4, 1], ring: { base: 0, bytes: 12, axis: 0 } });
    const rows = [
      row('dma-in', copy(ref(0, 1, 'int8', 0, [12]), local('int8', 0, [12]))),
      row('dma-in', copy(ref(0, 0, 'int8', 0, [2, 4]), ring)),
      row('dma-in', copy(local('int8', 0, [12]), ref(0, 2, 'int8', 0, [12]))),
    ];
    const inputs = [int8([8], [1, 2, 3, 4, 5, 6, 7, 8]), int8([12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
    expect(output(run({ rows, inputs, outputs: [{ dtype: 'int8', shape: [12] }] }))).toEqual([7, 8, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
  });

  test('overlapping source and destination: all is read first', () => {
    const rows = [
      row('vector', copy(ref(0, 0, 'int8', 0, [4]), local('int8', 0, [4]))),
      row('vector', copy(local('int8', 0, [3]), local('int8', 1, [3]))),
      row('vector', copy(local('int8', 0, [4]), ref(0, 1, 'int8', 0, [4]))),
    ];
    expect(output(run({ rows, inputs: [int8([4], [1, 2, 3, 4])], outputs: [{ dtype: 'int8', shape: [4] }] }))).toEqual([1, 1, 2, 3]);
  });
});

test('HOST runs a graph in text; quantized values stay as they are stored', () => {
  const graph = `graph "relu" opset 17 {
  input %x: int8[2, 2] quantized(scale [0.5] zero [1] model)
  %y: int8[2, 2] quantized(scale [0.25] zero [-100] model) = Relu(%x)
  return %y
}
`;
  const rows = [row('host', { op: 'HOST', segment: 0, inputs: [ref(0, 0, 'int8', 0, [4])], outputs: [ref(0, 1, 'int8', 0, [2, 2])] })];
  const segments = [{ name: 'relu', graph }];
  const got = output(run({ rows, segments, inputs: [int8([4], [-9, 1, 3, 127])], outputs: [{ dtype: 'int8', shape: [2, 2] }] }));
  // 0.5 (q - 1) = -5, 0, 1, 63 -> Relu -> / 0.25 - 100 = -100, -100, -96, 152 -> 127
  expect(got).toEqual([-100, -100, -96, 127]);
});
