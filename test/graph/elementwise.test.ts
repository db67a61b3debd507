import { expect, test } from 'vitest';
import { SystoleError, type Tensor } from '../../src/core/index.ts';
import { evaluateNode } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, randomTensor, type Plain } from './helpers.ts';

const evaluate = (
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  opset: number = 13,
): Tensor => {
  const [y] = evaluateNode(node(op, inputs.length, plain), opset, inputs);
  if (y === undefined) throw new Error('no output');
  return y;
};

const x = f32([5], [-2, -0.5, 0, 0.5, 3]);

test.each<[string, Record<string, Plain>, number[]]>([
  ['Relu', {}, [0, 0, 0, 0.5, 3]],
  ['LeakyRelu', { alpha: 'float:0.5' }, [-1, -0.25, 0, 0.5, 3]],
  ['HardSigmoid', { alpha: 'float:0.25' }, [0, 0.375, 0.5, 0.625, 1]],
  ['Clip', { min: 'float:-1', max: 'float:2' }, [-1, -0.5, 0, 0.5, 2]],
  ['Abs', {}, [2, 0.5, 0, 0.5, 3]],
  ['Round', {}, [-2, -0, 0, 0, 3]],
  ['Floor', {}, [-2, -1, 0, 0, 3]],
  ['Reciprocal', {}, [-0.5, -2, Infinity, 2, Math.fround(1 / 3)]],
])('%s by hand', (op, attributes, want) => {
  expect(numbers(evaluate(op, [x], attributes))).toEqual(want);
});

test.each<[string, (x: number) => number, Record<string, Plain>]>([
  ['Sigmoid', (v) => 1 / (1 + Math.exp(-v)), {}],
  ['Tanh', Math.tanh, {}],
  ['Exp', Math.exp, {}],
  ['Elu', (v) => (v < 0 ? 0.5 * (Math.exp(v) - 1) : v), { alpha: 'float:0.5' }],
  ['Selu', (v) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * (Math.exp(v) - 1)), {}],
  ['HardSwish', (v) => v * Math.max(0, Math.min(1, v / 6 + 0.5)), {}],
  ['Softplus', (v) => Math.log(1 + Math.exp(v)), {}],
])('%s agrees with doubles', (op, f, attributes) => {
  const random = randomTensor([200], 3);
  numbers(evaluate(op, [random], attributes)).forEach((v, i) => expect(v).toBeCloseTo(f(numbers(random)[i] ?? 0), 5));
});

test('Clip takes its bounds from inputs from opset 11 on, each optional', () => {
  expect(numbers(evaluate('Clip', [x, null, f32([], [0.25])]))).toEqual([-2, -0.5, 0, 0.25, 0.25]);
  expect(numbers(evaluate('Clip', [x, f32([], [0]), null]))).toEqual([0, 0, 0, 0.5, 3]);
});

test('operands broadcast along any axis', () => {
  const a = f32([2, 1, 3], [1, 2, 3, 4, 5, 6]);
  const b = f32([2, 1], [10, 20]);
  const sum = evaluate('Add', [a, b]);
  expect(sum.shape).toEqual([2, 2, 3]);
  expect(numbers(sum)).toEqual([11, 12, 13, 21, 22, 23, 14, 15, 16, 24, 25, 26]);
  expect(() => evaluate('Add', [f32([2], [1, 2]), f32([3], [1, 2, 3])])).toThrow(/\[2\] and \[3\] do not broadcast: 2 against 3/);
});

test('scalars and empty tensors go through', () => {
  expect(evaluate('Mul', [f32([], [3]), f32([], [4])])).toEqual(f32([], [12]));
  expect(evaluate('Add', [f32([0, 3], []), f32([3], [1, 2, 3])])).toEqual(f32([0, 3], []));
  expect(evaluate('Relu', [f32([0], [])])).toEqual(f32([0], []));
});

test('every operation rounds to fp32', () => {
  expect(numbers(evaluate('Add', [f32([1], [16777216]), f32([1], [1])]))).toEqual([16777216]);
  // Sum adds from the left, rounding each time.
  expect(numbers(evaluate('Sum', [f32([1], [16777216]), f32([1], [1]), f32([1], [1])]))).toEqual([16777216]);
});

test('integers divide towards zero and wrap', () => {
  expect(numbers(evaluate('Div', [i64([2], [-7, 7]), i64([1], [2])]))).toEqual([-3, 3]);
  const int32 = (v: number): Tensor => ({ dtype: 'int32', shape: [1], data: Int32Array.of(v) });
  expect(numbers(evaluate('Add', [int32(2147483647), int32(1)]))).toEqual([-2147483648]);
  expect(numbers(evaluate('Mul', [int32(123456789), int32(1000003)]))).toEqual([Math.imul(123456789, 1000003)]);
});

test('comparisons and choice', () => {
  const less = evaluate('Less', [x, f32([], [0])]);
  expect(less.dtype).toBe('bool');
  expect(numbers(evaluate('Where', [less, f32([], [9]), x]))).toEqual([9, 9, 0, 0.5, 3]);
});

test('Softmax before opset 13 normalizes the flattened rest, then one axis', () => {
  const y = f32([1, 2, 2], [0, 0, 0, 0]);
  expect(numbers(evaluate('Softmax', [y], {}, 11))).toEqual([0.25, 0.25, 0.25, 0.25]);
  expect(numbers(evaluate('Softmax', [y], {}, 13))).toEqual([0.5, 0.5, 0.5, 0.5]);
  const random = randomTensor([3, 7], 5);
  const rows = numbers(evaluate('Softmax', [random]));
  for (let r = 0; r < 3; r++) expect(rows.slice(7 * r, 7 * r + 7).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  numbers(evaluate('LogSoftmax', [random])).forEach((v, i) => expect(v).toBeCloseTo(Math.log(rows[i] ?? 0), 5));
});

test('BatchNormalization equals the ScaleShift it becomes', () => {
  const image = randomTensor([2, 3, 2, 2], 1);
  const scale = f32([3], [1, 2, 0.5]);
  const shift = f32([3], [0, -1, 3]);
  const mean = f32([3], [0.1, 0, -2]);
  const variance = f32([3], [1, 0.25, 4]);
  const normal = numbers(evaluate('BatchNormalization', [image, scale, shift, mean, variance], { epsilon: 'float:0' }));
  // scale / √var = 1, 4, 0.25; shift - mean · that.
  const scaled = numbers(evaluate('ScaleShift', [image, f32([3], [1, 4, 0.25]), f32([3], [-0.1, -1, 3.5])]));
  normal.forEach((v, i) => expect(v).toBeCloseTo(scaled[i] ?? 0, 5));
});

test('LRN divides by neighbouring channels', () => {
  // One pixel, three channels 1, 2, 3: sums of squares over 3 neighbours are 5, 14, 13; alpha / size = 1, beta = 1, bias 1.
  const y = evaluate('LRN', [f32([1, 3, 1, 1], [1, 2, 3])], { size: 3, alpha: 'float:3', beta: 'float:1', bias: 'float:1' });
  expect(numbers(y)).toEqual([1 / 6, 2 / 15, 3 / 14].map(Math.fround));
});

test('an operand of another type is refused', () => {
  expect(() => evaluate('Add', [f32([1], [1]), i64([1], [1])])).toThrow(SystoleError);
});
