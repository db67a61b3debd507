import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elementCount, SystoleError, type Tensor } from '../../src/core/index.ts';
import { evaluateNode, opDef } from '../../src/graph/index.ts';
import { f32, node, numbers, randomTensor } from './helpers.ts';

interface Shape {
  batch: number;
  groups: number;
  cin: number;
  cout: number;
  size: [number, number];
  kernel: [number, number];
  strides: [number, number];
  dilations: [number, number];
  pads: [number, number, number, number];
}

/** Straight from the definition, in doubles: y[n,o,i,j] = b[o] + Σ x[n, c, i·s + r·d - p, …] w[o, c, r, s]. */
function convByDefinition(s: Shape, x: Tensor, w: Tensor, b: Tensor): { shape: number[]; data: number[] } {
  const [h, wd] = s.size;
  const out = [0, 1].map((a) => {
    const padded = (s.size[a] ?? 0) + (s.pads[a] ?? 0) + (s.pads[a + 2] ?? 0);
    return Math.floor((padded - (((s.kernel[a] ?? 1) - 1) * (s.dilations[a] ?? 1) + 1)) / (s.strides[a] ?? 1)) + 1;
  });
  const [oh = 0, ow = 0] = out;
  const [xs, ws, bs] = [numbers(x), numbers(w), numbers(b)];
  const data: number[] = [];
  const perGroup = s.cout;
  for (let n = 0; n < s.batch; n++)
    for (let o = 0; o < s.groups * perGroup; o++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++) {
          let sum = bs[o] ?? 0;
          for (let c = 0; c < s.cin; c++)
            for (let r = 0; r < s.kernel[0]; r++)
              for (let q = 0; q < s.kernel[1]; q++) {
                const y = i * s.strides[0] + r * s.dilations[0] - s.pads[0];
                const z = j * s.strides[1] + q * s.dilations[1] - s.pads[1];
                if (y < 0 || y >= h || z < 0 || z >= wd) continue;
                const channel = Math.floor(o / perGroup) * s.cin + c;
                sum +=
                  (xs[((n * s.groups * s.cin + channel) * h + y) * wd + z] ?? 0) *
                  (ws[((o * s.cin + c) * s.kernel[0] + r) * s.kernel[1] + q] ?? 0);
              }
          data.push(sum);
        }
  return { shape: [s.batch, s.groups * perGroup, oh, ow], data };
}

const shape: fc.Arbitrary<Shape> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  groups: fc.constantFrom(1, 1, 2, 3),
  cin: fc.integer({ min: 1, max: 3 }),
  cout: fc.integer({ min: 1, max: 6 }),
  size: fc.tuple(fc.integer({ min: 5, max: 9 }), fc.integer({ min: 5, max: 9 })),
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  pads: fc.tuple(
    ...([0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 2 })) as [
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
    ]),
  ),
});

test('Conv equals its definition for any pads, strides, dilations and groups', () => {
  fc.assert(
    fc.property(shape, fc.integer(), (s, seed) => {
      const x = randomTensor([s.batch, s.groups * s.cin, ...s.size], seed);
      const w = randomTensor([s.groups * s.cout, s.cin, ...s.kernel], seed + 1);
      const b = randomTensor([s.groups * s.cout], seed + 2);
      const conv = node('Conv', 3, { pads: s.pads, strides: s.strides, dilations: s.dilations, group: s.groups });
      const [y] = evaluateNode(conv, 13, [x, w, b]);
      const want = convByDefinition(s, x, w, b);
      expect(y?.shape).toEqual(want.shape);
      numbers(y).forEach((v, i) => expect(v).toBeCloseTo(want.data[i] ?? 0, 4));
    }),
    { numRuns: 60 },
  );
});

test('a Conv large enough for several blocks has no seams', () => {
  // All ones: every inner output is the number of taps, 2 channels · 9.
  const ones = (s: number[]): Tensor => f32(s, new Array<number>(elementCount(s)).fill(1));
  const [y] = evaluateNode(node('Conv', 2), 13, [ones([1, 2, 40, 40]), ones([5, 2, 3, 3])]);
  expect(y?.shape).toEqual([1, 5, 38, 38]);
  expect(new Set(numbers(y))).toEqual(new Set([18]));
});

test('Conv sums channel by channel, row by row, rounding every time', () => {
  // 2^24 + 1 + 1 loses both ones in fp32; 1 + 1 + 2^24 keeps them.
  const big = 16777216;
  const w = f32([1, 1, 1, 3], [1, 1, 1]);
  expect(numbers(evaluateNode(node('Conv', 2), 13, [f32([1, 1, 1, 3], [big, 1, 1]), w])[0])).toEqual([big]);
  expect(numbers(evaluateNode(node('Conv', 2), 13, [f32([1, 1, 1, 3], [1, 1, big]), w])[0])).toEqual([big + 2]);
});

test.each([
  ['SAME_UPPER', 1, [12, 23, 15]],
  ['SAME_LOWER', 1, [4, 12, 23]],
  ['SAME_UPPER', 2, [12, 15]],
  ['SAME_LOWER', 2, [4, 23]],
  ['VALID', 1, [12, 23]],
] as const)('auto_pad %s with stride %i', (pad, stride, want) => {
  const pairSums = node('Conv', 2, { auto_pad: pad, strides: [stride] });
  expect(numbers(evaluateNode(pairSums, 13, [f32([1, 1, 3], [4, 8, 15]), f32([1, 1, 2], [1, 1])])[0])).toEqual(want);
});

test.each(['SAME_UPPER', 'SAME_LOWER', 'NOTSET'])(
  'ConvTranspose, %s: what is wanted beyond the full result is zeros at the end',
  (auto_pad) => {
    const wider = node('ConvTranspose', 2, { auto_pad, strides: [4], output_shape: [8] });
    expect(numbers(evaluateNode(wider, 13, [f32([1, 1, 2], [1, 2]), f32([1, 1, 2], [3, 5])])[0])).toEqual([3, 5, 0, 0, 6, 10, 0, 0]);
  },
);

test('ConvTranspose is the transpose of Conv: <conv(x), y> = <x, convT(y)>', () => {
  fc.assert(
    fc.property(shape, fc.integer(), (s, seed) => {
      const x = randomTensor([s.batch, s.groups * s.cin, ...s.size], seed);
      const w = randomTensor([s.groups * s.cout, s.cin, ...s.kernel], seed + 1);
      const attributes = { pads: s.pads, strides: s.strides, dilations: s.dilations, group: s.groups };
      const [y] = evaluateNode(node('Conv', 2, attributes), 13, [x, w]);
      if (y === undefined) return;
      const u = randomTensor(y.shape, seed + 3);
      const full = y.shape.slice(2).map((o, a) => (s.strides[a] ?? 1) * (o - 1) + ((s.kernel[a] ?? 1) - 1) * (s.dilations[a] ?? 1) + 1);
      const extra = full.map((f, a) => (s.size[a] ?? 0) - (f - (s.pads[a] ?? 0) - (s.pads[a + 2] ?? 0)));
      const back = evaluateNode(node('ConvTranspose', 2, { ...attributes, output_padding: extra }), 13, [u, w])[0];
      expect(back?.shape).toEqual(x.shape);
      const dot = (a: number[], b: number[]): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
      expect(dot(numbers(y), numbers(u))).toBeCloseTo(dot(numbers(x), numbers(back)), 2);
    }),
    { numRuns: 40 },
  );
});

test.each([0, 1])('Gemm with transA = %i, transB and a broadcast C', (transA) => {
  const a = f32(transA ? [3, 2] : [2, 3], transA ? [1, 4, 2, 5, 3, 6] : [1, 2, 3, 4, 5, 6]);
  const bT = f32([2, 3], [1, 0, 1, 0, 1, 1]);
  const gemm = node('Gemm', 3, { transA, transB: 1, alpha: 'float:2', beta: 'float:0.5' });
  // A·B = [[4, 5], [10, 11]]; twice that plus half of [10, 20].
  expect(numbers(evaluateNode(gemm, 13, [a, bT, f32([2], [10, 20])])[0])).toEqual([13, 20, 25, 32]);
});

test('MatMul broadcasts batches and takes vectors', () => {
  const a = f32([2, 1, 1, 2], [1, 2, 3, 4]);
  const b = f32([2, 2, 1], [1, 1, 10, 1]);
  const [y] = evaluateNode(node('MatMul', 2), 13, [a, b]);
  expect([y?.shape, numbers(y)]).toEqual([
    [2, 2, 1, 1],
    [3, 12, 7, 34],
  ]);
  const [dot] = evaluateNode(node('MatMul', 2), 13, [f32([3], [1, 2, 3]), f32([3], [4, 5, 6])]);
  expect([dot?.shape, numbers(dot)]).toEqual([[], [32]]);
});

test('macs: the last layer and the first of ResNet-18', () => {
  const type = (s: readonly number[]) => ({ dtype: 'float32' as const, shape: s });
  const conv = opDef('', 'Conv');
  const gemm = opDef('', 'Gemm');
  expect(
    conv?.macs({
      node: node('Conv', 2),
      opset: 13,
      inputs: [type([1, 3, 224, 224]), type([64, 3, 7, 7])],
      outputs: [type([1, 64, 112, 112])],
    }),
  ).toBe(118013952);
  expect(
    gemm?.macs({
      node: node('Gemm', 2, { transB: 1 }),
      opset: 13,
      inputs: [type([1, 512]), type([1000, 512])],
      outputs: [type([1, 1000])],
    }),
  ).toBe(512000);
});

test('operands that do not fit are told in numbers', () => {
  const conv = node('Conv', 2, { group: 2 });
  expect(() => evaluateNode(conv, 13, [randomTensor([1, 4, 5, 5], 1), randomTensor([4, 3, 3, 3], 2)])).toThrow(
    /Conv "conv": the input \[1, 4, 5, 5\] has 4 channels, the weights \[4, 3, 3, 3\] take 3 in 2 groups. Weights must take 2 channels/,
  );
  expect(() => evaluateNode(node('MatMul', 2), 13, [randomTensor([2, 3], 1), randomTensor([4, 2], 2)])).toThrow(SystoleError);
});
