/** RNN, GRU and LSTM against the formulas written out, and against each other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { evaluateNode, opDef, type Attribute, type Node } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, randomTensor } from './helpers.ts';

function i32(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'int32', shape, data: Int32Array.from(values) };
}

function run(
  op: string,
  inputs: readonly (Tensor | null)[],
  attributes: Record<string, Attribute | number | string> = {},
  outputs = 3,
): Tensor[] {
  const plain: Record<string, number | string> = {};
  const other: Record<string, Attribute> = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'object') other[key] = value;
    else plain[key] = value;
  }
  const base = node(op, inputs.length, plain, outputs);
  return [...evaluateNode({ ...base, attributes: { ...base.attributes, ...other } }, 14, inputs)];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

test('one LSTM step is the textbook formula, gates in the order i, o, f, c', () => {
  // One unit, one feature: W = [i, o, f, c].
  const w = f32([1, 4, 1], [0.5, -0.25, 1, 2]);
  const r = f32([1, 4, 1], [0.1, 0.2, 0.3, 0.4]);
  const b = f32([1, 8], [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]);
  const p = f32([1, 3], [0.6, 0.7, 0.8]);
  const [x, h0, c0] = [0.9, 0.3, -0.5];
  const [y, yh, yc] = run('LSTM', [f32([1, 1, 1], [x]), w, r, b, null, f32([1, 1, 1], [h0]), f32([1, 1, 1], [c0]), p]);
  const i = sigmoid(0.5 * x + 0.1 * h0 + 0.06 + 0.6 * c0);
  const f = sigmoid(x + 0.3 * h0 + 0.1 + 0.8 * c0);
  const c = f * c0 + i * Math.tanh(2 * x + 0.4 * h0 + 0.12);
  const o = sigmoid(-0.25 * x + 0.2 * h0 + 0.08 + 0.7 * c);
  expect(numbers(yc)[0]).toBeCloseTo(c, 6);
  expect(numbers(yh)[0]).toBeCloseTo(o * Math.tanh(c), 6);
  expect(numbers(y)).toEqual(numbers(yh));
});

test('GRU applies the reset gate before or after the recurrent product', () => {
  const w = f32([1, 3, 1], [0.4, -0.6, 0.8]);
  const r = f32([1, 3, 1], [0.2, 0.3, -0.7]);
  const b = f32([1, 6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
  const [x, h] = [1.5, -0.8];
  const z = sigmoid(0.4 * x + 0.2 * h + 0.5);
  const reset = sigmoid(-0.6 * x + 0.3 * h + 0.7);
  for (const [linear, candidate] of [
    [0, Math.tanh(0.8 * x - 0.7 * (reset * h) + 0.9)],
    [1, Math.tanh(0.8 * x + reset * (-0.7 * h + 0.6) + 0.3)],
  ] as const) {
    const [, yh] = run('GRU', [f32([1, 1, 1], [x]), w, r, b, null, f32([1, 1, 1], [h])], { linear_before_reset: linear }, 2);
    expect(numbers(yh)[0]).toBeCloseTo((1 - z) * candidate + z * h, 6);
  }
});

test('clip bounds what enters the activations, input_forget couples the gates', () => {
  const w = f32([1, 4, 1], [10, 10, 10, 10]);
  const r = f32([1, 4, 1], [0, 0, 0, 0]);
  const x = f32([1, 1, 1], [5]);
  const clip: Attribute = { kind: 'float', value: 1 };
  const [, , yc] = run('LSTM', [x, w, r, null, null, null, f32([1, 1, 1], [2])], { clip });
  expect(numbers(yc)[0]).toBeCloseTo(sigmoid(1) * 2 + sigmoid(1) * Math.tanh(1), 6);
  const [, , coupled] = run('LSTM', [x, w, r, null, null, null, f32([1, 1, 1], [2])], { clip, input_forget: 1 });
  expect(numbers(coupled)[0]).toBeCloseTo((1 - sigmoid(1)) * 2 + sigmoid(1) * Math.tanh(1), 6);
});

test('activation parameters go in order to the functions that take them', () => {
  const activations: Attribute = { kind: 'strings', value: ['Affine', 'LeakyRelu'] };
  const alpha: Attribute = { kind: 'floats', value: [2, 0.5] };
  const beta: Attribute = { kind: 'floats', value: [0.25] };
  const inputs = [f32([1, 1, 1], [-1]), f32([2, 1, 1], [1, 1]), f32([2, 1, 1], [0, 0])];
  const [y] = run('RNN', inputs, { direction: 'bidirectional', activations, activation_alpha: alpha, activation_beta: beta }, 1);
  expect(numbers(y)).toEqual([2 * -1 + 0.25, 0.5 * -1]);
  const unknown: Attribute = { kind: 'strings', value: ['Softmax', 'Tanh'] };
  expect(() => run('RNN', inputs, { direction: 'bidirectional', activations: unknown }, 1)).toThrow(/activations is "Softmax"/);
});

test('short sequences stop early, run backward from their own end, and leave zeros behind', () => {
  const x = f32([3, 2, 1], [1, 10, 2, 20, 4, 40]);
  const sum: Attribute = { kind: 'strings', value: ['Affine'] };
  const weights = [f32([1, 1, 1], [1]), f32([1, 1, 1], [1]), null, i32([2], [3, 2])];
  const [y, yh] = run('RNN', [x, ...weights], { activations: sum }, 2);
  expect(numbers(y)).toEqual([1, 10, 3, 30, 7, 0]);
  expect(numbers(yh)).toEqual([7, 30]);
  const [back, first] = run('RNN', [x, ...weights], { activations: sum, direction: 'reverse' }, 2);
  expect(numbers(back)).toEqual([7, 30, 6, 20, 4, 0]);
  expect(numbers(first)).toEqual([7, 30]);
});

test('two directions are two nodes; layout 1 is layout 0 transposed', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer(),
      (t, b, n, seed) => {
        const [x, w, r] = [randomTensor([t, b, 2], seed), randomTensor([2, 4 * n, 2], seed + 1), randomTensor([2, 4 * n, n], seed + 2)];
        const half = (z: Tensor, d: number): Tensor =>
          f32([1, ...z.shape.slice(1)], numbers(z).slice((d * z.data.length) / 2, ((d + 1) * z.data.length) / 2));
        const [both] = run('LSTM', [x, w, r], { direction: 'bidirectional' });
        const [forward] = run('LSTM', [x, half(w, 0), half(r, 0)]);
        const [reverse] = run('LSTM', [x, half(w, 1), half(r, 1)], { direction: 'reverse' });
        const step = b * n;
        const split = [forward, reverse].map((z) => numbers(z));
        const joined = Array.from({ length: t }, (_, s) => split.flatMap((z) => z.slice(s * step, (s + 1) * step))).flat();
        expect(numbers(both)).toEqual(joined);

        const turned = evaluateNode(node('Transpose', 1, { perm: [1, 0, 2] }), 14, [x]);
        const [batchMajor] = run('LSTM', [turned[0] ?? null, w, r], { direction: 'bidirectional', layout: 1 });
        const [y] = evaluateNode(node('Transpose', 1, { perm: [2, 0, 1, 3] }), 14, [both ?? null]);
        expect(numbers(batchMajor)).toEqual(numbers(y));
      },
    ),
    { numRuns: 20 },
  );
});

test('MACs are gates · hidden · (input + hidden) for each step, sequence and direction', () => {
  const macs = (op: string, gates: number, directions: number, plain: Node['attributes'] = {}): number =>
    opDef('', op)?.macs({
      node: { ...node(op, 3), attributes: plain },
      opset: 14,
      inputs: [
        { dtype: 'float32', shape: [16, 1, 2] },
        { dtype: 'float32', shape: [directions, gates * 16, 2] },
        { dtype: 'float32', shape: [directions, gates * 16, 16] },
      ],
      outputs: [],
    }) ?? -1;
  expect(macs('LSTM', 4, 1)).toBe(18432);
  expect(macs('GRU', 3, 2, { direction: { kind: 'string', value: 'bidirectional' } })).toBe(2 * 3 * 16 * 18 * 16);
});

test('operands that contradict each other are refused with the sizes', () => {
  expect(() => run('GRU', [f32([1, 1, 2], [1, 2]), f32([1, 3, 3], Array(9).fill(0)), f32([1, 3, 1], [0, 0, 0])], {}, 2)).toThrow(
    /2 features/,
  );
  expect(() => run('GRU', [f32([1, 1, 2], [1, 2]), f32([1, 4, 2], Array(8).fill(0)), f32([1, 3, 1], [0, 0, 0])], {}, 2)).toThrow(
    /3 × 1 rows/,
  );
  expect(() => run('LSTM', [i64([1], [1]), i64([1], [1]), i64([1], [1])])).toThrow(/rank 3/);
});
