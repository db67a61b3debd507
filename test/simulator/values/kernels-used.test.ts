/** What the kernels are for never reaches the plain form: without this, a condition too strict would only show as lost time. */
import { expect, test, vi } from 'vitest';
import type { Command, Drain, VectorStep } from '../../../src/isa/command.ts';
import { float32, int8, output, ref, row, run } from './tiny.ts';

vi.mock(import('../../../src/simulator/values/contraction.ts'), async (original) => ({
  ...(await original()),
  runContraction: () => {
    throw new Error('a contraction ran in the plain form');
  },
}));
vi.mock(import('../../../src/simulator/values/drain.ts'), () => ({
  drain: () => {
    throw new Error('a drain ran in the plain form');
  },
}));
vi.mock(import('../../../src/simulator/values/vector.ts'), async (original) => ({
  ...(await original()),
  runVector: () => {
    throw new Error('a vector program ran in the plain form');
  },
}));

vi.mock(import('../../../src/simulator/values/reduce.ts'), async (original) => ({
  ...(await original()),
  runReduce: () => {
    throw new Error('a reduction ran in the plain form');
  },
}));
vi.mock(import('../../../src/simulator/values/pool.ts'), async (original) => ({
  ...(await original()),
  runPool: () => {
    throw new Error('a pool ran in the plain form');
  },
}));

const drainTo = (region: number, dtype: 'int8' | 'float32', shape: readonly number[], scale: number | null): Drain => ({
  out: ref(0, region, dtype, 0, shape),
  bias: null,
  multiplier: scale === null ? null : ref(0, scale, 'float32', 0, [shape[1] ?? 1]),
  outZero: 0,
  lo: -Infinity,
  hi: Infinity,
});

test('convolutions of int8, depthwise of fp32, products', () => {
  const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
  const window = { groups: 1, strides: [1, 1], dilations: [1, 1], padTop: 1, padLeft: 1, xZero: 0, wZero: 0, mode: 'overwrite' } as const;
  const conv: Command = {
    op: 'CONV',
    x: ref(0, 0, 'int8', 0, [1, 2, 3, 3]),
    w: ref(0, 1, 'int8', 0, [4, 2, 3, 3]),
    acc: ref(0, 5, 'int32', 0, [1, 4, 3, 3]),
    drain: drainTo(6, 'int8', [1, 4, 3, 3], 2),
    ...window,
  };
  const depthwise: Command = {
    op: 'DWCONV',
    x: ref(0, 3, 'float32', 0, [1, 2, 3, 3]),
    w: ref(0, 4, 'float32', 0, [2, 1, 3, 3]),
    acc: ref(0, 7, 'float32', 0, [1, 2, 3, 3]),
    drain: drainTo(8, 'float32', [1, 2, 3, 3], null),
    ...window,
  };
  const execution = run({
    rows: [row('matrix', conv), row('matrix', depthwise)],
    inputs: [int8([18], ones(18)), int8([72], ones(72)), float32([4], [0.5, 1, 1, 1]), float32([18], ones(18)), float32([18], ones(18))],
    outputs: [
      { dtype: 'int32', shape: [36] },
      { dtype: 'int8', shape: [36] },
      { dtype: 'float32', shape: [18] },
      { dtype: 'float32', shape: [18] },
    ],
  });
  expect(output(execution, 'out1').slice(0, 9)).toEqual([4, 6, 4, 6, 9, 6, 4, 6, 4]);
  expect(output(execution, 'out3').slice(0, 9)).toEqual([4, 6, 4, 6, 9, 6, 4, 6, 4]);
});

test('a quantized activation: dequantize, tanh, quantize, clamp', () => {
  const steps: VectorStep[] = [];
  const add = (op: VectorStep['op'], a = -1, b = -1, c = -1, immediate = 0): number =>
    steps.push({ op, dst: steps.length, a, b, c, immediate }) - 1;
  const [zero, scale, low, high] = [0, 0.01, -100, 100].map((v) => add('immediate', -1, -1, -1, v));
  const x = add('tanh', add('dequantize', add('loadInt', 0), zero, scale));
  const clamped = add('min', add('max', add('quantize', x, scale, zero), low), high);
  steps.push({ op: 'store', dst: 0, a: clamped, b: -1, c: -1, immediate: 0 });
  const rows = [row('vector', { op: 'VECTOR', inputs: [ref(0, 0, 'int8', 0, [3])], outputs: [ref(0, 1, 'int8', 0, [3])], steps })];
  // tanh(±1) = ±0.7616
  expect(output(run({ rows, inputs: [int8([3], [100, 0, -100])], outputs: [{ dtype: 'int8', shape: [3] }] }))).toEqual([76, 0, -76]);
});

test('sums and windows', () => {
  const rows = [
    row('vector', {
      op: 'REDUCE',
      kind: 'sum',
      mode: 'overwrite',
      x: ref(0, 0, 'int8', 0, [4]),
      acc: { ...ref(0, 1, 'int32', 0, [4]), strides: [0] },
      xZero: 1,
    }),
    row('vector', {
      op: 'POOL',
      kind: 'max',
      x: ref(0, 0, 'int8', 0, [1, 1, 2, 2]),
      out: ref(0, 2, 'int8', 0, [1, 1, 1, 1]),
      kernel: [2, 2],
      strides: [1, 1],
      dilations: [1, 1],
      padTop: 0,
      padLeft: 0,
      countBox: [0, 0, 2, 2],
      xZero: 0,
      outZero: 0,
      multiplier: 1,
      lo: -Infinity,
      hi: Infinity,
    }),
  ];
  const execution = run({
    rows,
    inputs: [int8([4], [3, -5, 7, 1])],
    outputs: [
      { dtype: 'int32', shape: [1] },
      { dtype: 'int8', shape: [1] },
    ],
  });
  expect([...output(execution), ...output(execution, 'out1')]).toEqual([2, 7]);
});

test('functions that the kernels lack, of bytes: 256 values looked up', () => {
  const steps: VectorStep[] = [
    { op: 'load', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
    { op: 'sin', dst: 1, a: 0, b: -1, c: -1, immediate: 0 },
    { op: 'store', dst: 0, a: 1, b: -1, c: -1, immediate: 0 },
  ];
  const [from, to] = [ref(0, 0, 'int8', 0, [2000]), ref(0, 1, 'int8', 0, [2000])];
  const values = Array.from({ length: 2000 }, (_, i) => (i % 256) - 128);
  const tiny = {
    rows: [row('vector', { op: 'VECTOR', inputs: [from], outputs: [to], steps })],
    inputs: [int8([2000], values)],
    outputs: [{ dtype: 'int8', shape: [2000] }],
  } as const;
  // Numbers between -1 and 1 are cut towards zero.
  expect(new Set(output(run(tiny)))).toEqual(new Set([0]));
});
