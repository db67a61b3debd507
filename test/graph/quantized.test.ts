import { expect, test } from 'vitest';
import { SystoleError, type Tensor } from '../../src/core/index.ts';
import { evaluateQuantizedNode, interpret, type Graph, type Quantization, type QuantizedTensor } from '../../src/graph/index.ts';
import { f32, graphOf, node, numbers, randomTensor, value, type Plain } from './helpers.ts';

const q = (scale: number | readonly number[], zero: number = 0, axis: number | null = null): Quantization => {
  const scales = typeof scale === 'number' ? [scale] : scale;
  return { scale: Float32Array.from(scales), zeroPoint: new Int32Array(scales.length).fill(zero), axis, source: 'calibrated' };
};
const int8 = (shape: readonly number[], data: readonly number[], quantization: Quantization | null): QuantizedTensor => ({
  tensor: { dtype: 'int8', shape, data: Int8Array.from(data) },
  quantization,
});
const plain = (tensor: Tensor): QuantizedTensor => ({ tensor, quantization: null });

function run(
  op: string,
  inputs: readonly (QuantizedTensor | null)[],
  out: Quantization | null,
  attributes: Readonly<Record<string, Plain>> = {},
): number[] {
  const [y] = evaluateQuantizedNode(node(op, inputs.length, attributes), 13, inputs, [
    { dtype: out === null ? 'float32' : 'int8', quantization: out },
  ]);
  expect(y?.dtype).toBe(out === null ? 'float32' : 'int8');
  return numbers(y);
}

test('Conv: int32 sums, a multiplier for each channel, padding worth nothing', () => {
  // x - zx = [3, 5], padded by one zero tap on the left although zx is not 0. Weights [2, 1] and [-4, 3].
  const x = int8([1, 1, 1, 2], [4, 6], q(0.5, 1));
  const w = int8([2, 1, 1, 2], [2, 1, -4, 3], q([0.25, 0.125], 0, 0));
  const bias: QuantizedTensor = {
    tensor: { dtype: 'int32', shape: [2], data: Int32Array.of(10, -2) },
    quantization: q([0.125, 0.0625], 0, 0),
  };
  // Channel 0: 0·2 + 3·1 + 10 = 13, 3·2 + 5·1 + 10 = 21; M = 0.5 · 0.25 / 0.5 = 0.25: 3.25, 5.25; zero point -1.
  // Channel 1: 3·3 - 2 = 7, -12 + 15 - 2 = 1; M = 0.125: 0.875, 0.125.
  expect(run('Conv', [x, w, bias], q(0.5, -1), { pads: [0, 1, 0, 0] })).toEqual([2, 4, 0, -1]);
});

test('requantization rounds half to even and clamps', () => {
  const one = int8([1, 1], [1], q(1));
  const products = int8([1, 6], [1, 3, 5, -1, -3, 127], q(1));
  // Halves of 1, 3, 5, -1, -3 are ties; 127 / 2 = 63.5 rounds to 64.
  expect(run('MatMul', [one, products], q(2)).map((v) => v + 0)).toEqual([0, 2, 2, 0, -2, 64]);
  expect(run('MatMul', [one, products], q(0.001))).toEqual([127, 127, 127, -128, -128, 127]);
});

test('Gemm: scales along the output channels, wherever transB puts them', () => {
  const x = int8([1, 2], [10, 20], q(0.1));
  const rows = int8([2, 2], [1, 2, 3, 4], q([1, 0.5], 0, 0));
  const columns = int8([2, 2], [1, 3, 2, 4], q([1, 0.5], 0, 1));
  // Sums 50 and 110; M = 0.1 and 0.05.
  expect(run('Gemm', [x, rows], q(1), { transB: 1 })).toEqual([5, 6]);
  expect(run('Gemm', [x, columns], q(1))).toEqual([5, 6]);
  // Without output quantization the sums are made real: f32(50) · f32(0.1 · 1).
  expect(run('Gemm', [x, rows], null, { transB: 1 })).toEqual([
    Math.fround(50 * Math.fround(0.1)),
    Math.fround(110 * Math.fround(Math.fround(0.1) * 0.5)),
  ]);
});

test('AveragePool divides the centred sum, then requantizes', () => {
  // (1 + 2 + 4 - 3·(-1)) / 3 = 10/3; times 0.3 / 0.1 = 10 (nearly); zero point 5.
  const x = int8([1, 1, 1, 3], [1, 2, 4], q(Math.fround(0.3), -1));
  expect(run('GlobalAveragePool', [x], q(Math.fround(0.1), 5))).toEqual([15]);
  // Centred 2, 3, 5 with a tap of padding that does not count: 2, 2.5 (to 2), 4; zero point -1.
  expect(run('AveragePool', [x], q(Math.fround(0.3), -1), { kernel_shape: [1, 2], pads: [0, 1, 0, 0] })).toEqual([1, 1, 3]);
});

test('MaxPool, views and moves with equal quantization copy q', () => {
  const s = q(0.1, 3);
  const x = int8([1, 1, 2, 2], [1, -5, 7, 2], s);
  expect(run('MaxPool', [x], s, { kernel_shape: [2, 2] })).toEqual([7]);
  expect(run('Transpose', [x], s, { perm: [0, 1, 3, 2] })).toEqual([1, 7, -5, 2]);
  expect(run('Flatten', [x], s)).toEqual([1, -5, 7, 2]);
});

test('Pad fills with the zero point, or the constant quantized', () => {
  const s = q(0.5, 3);
  const x = int8([2], [1, 2], s);
  const pads = plain({ dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, 0n) });
  expect(run('Pad', [x, pads], s)).toEqual([3, 1, 2]);
  // 2 / 0.5 + 3 = 7
  expect(run('Pad', [x, pads, plain(f32([], [2]))], s)).toEqual([7, 1, 2]);
});

test('Concat copies equal quantization and converts the rest', () => {
  const out = q(0.5, 0);
  // 4 · 0.25 = 1 is 2 in halves.
  expect(run('Concat', [int8([1, 2], [3, 4], out), int8([1, 1], [4], q(0.25))], out, { axis: 1 })).toEqual([3, 4, 2]);
});

test('everything else goes through fp32', () => {
  // (10 - 2)·0.5 + (4)·0.25 = 5; 5 / 0.25 - 8 = 12.
  expect(run('Add', [int8([1], [10], q(0.5, 2)), int8([1], [4], q(0.25))], q(0.25, -8))).toEqual([12]);
  // Relu with one quantization at both ends clamps at the zero point.
  expect(run('Relu', [int8([4], [-128, 3, 4, 127], q(0.1, 4))], q(0.1, 4))).toEqual([4, 4, 4, 127]);
  // Plain constants stay real: 4 · 0.25 · 3.
  expect(run('Mul', [int8([1], [4], q(0.25)), plain(f32([], [3]))], q(1))).toEqual([3]);
});

function tinyGraph(source: Quantization['source']): Graph {
  const scales = { ...q(0.5, 1), source };
  const values = [value(0, 'x', [1, 2], 'int8'), value(1, 'y', [1, 2], 'int8')].map((v) => ({ ...v, quantization: scales }));
  return graphOf({ values, inputs: [0], outputs: [1], nodes: [node('Relu', 1)] });
}

test('a quantized input may be given as int8 or as float32', () => {
  const graph = tinyGraph('calibrated');
  const ints: Tensor = { dtype: 'int8', shape: [1, 2], data: Int8Array.of(-3, 5) };
  // -2 / 0.5 + 1 = -3 and 2 / 0.5 + 1 = 5.
  expect(interpret(graph, new Map([['x', f32([1, 2], [-2, 2])]]))).toEqual(interpret(graph, new Map([['x', ints]])));
  expect(numbers(interpret(graph, new Map([['x', ints]])).get('y'))).toEqual([1, 5]);
});

test('placeholder scales cannot be run', () => {
  expect(() => interpret(tinyGraph('placeholder'), new Map([['x', f32([1, 2], [0, 0])]]))).toThrow(/SYS3041.*--calibrate/);
});

test('a large integer Conv equals its float twin', () => {
  // Small integers are exact in fp32, so both ways must agree to the bit.
  const x = randomTensor([2, 6, 30, 30], 1);
  const w = randomTensor([10, 3, 3, 3], 2);
  const whole = (t: Tensor): number[] => numbers(t).map((v) => Math.round(v * 20));
  const attributes = { group: 2, pads: [1, 0, 2, 1], strides: [2, 1] };
  const ints = run('Conv', [int8(x.shape, whole(x), q(1)), int8(w.shape, whole(w), q(1))], q(64), attributes);
  const floats = run('Conv', [plain(f32(x.shape, whole(x))), plain(f32(w.shape, whole(w)))], q(64), attributes);
  expect(ints).toEqual(floats);
});

test('unknown inputs and wrong shapes are told', () => {
  const graph = tinyGraph('model');
  expect(() => interpret(graph, new Map())).toThrow(/no values for the model input "x" \(int8 \[1, 2\]\)/);
  expect(() => interpret(graph, new Map([['x', f32([2], [1, 2])]]))).toThrow(/is int8 \[1, 2\] \(or float32\), but float32 \[2\]/);
  expect(() => interpret(graph, new Map())).toThrow(SystoleError);
});
