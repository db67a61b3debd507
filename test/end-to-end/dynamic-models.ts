/** Networks as `quantize_dynamic` of ONNX Runtime writes them: weights in bytes, operands quantized by their own range while the model runs. */
import { seededRandom, type DType, type Tensor } from '../../src/core/index.ts';
import type { Graph } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';

const one = (list: readonly number[]): number => list[0] as number;

export function scalar(b: GraphWriter, x: number, dtype: DType = 'float32'): number {
  const data = dtype === 'uint8' ? Uint8Array.of(x) : dtype === 'int8' ? Int8Array.of(x) : Float32Array.of(x);
  return b.constant({ dtype, shape: [], data });
}

/** Seeded bytes, within ±63 so that nobody's 16-bit sums saturate. */
export function bytes(shape: readonly number[], dtype: 'int8' | 'uint8' = 'int8', seed = 5): Tensor {
  const random = seededRandom(seed);
  const count = shape.reduce((n, d) => n * d, 1);
  const draw = (): number => Math.round((random.next() * 2 - 1) * 63);
  const data = dtype === 'int8' ? Int8Array.from({ length: count }, draw) : Uint8Array.from({ length: count }, () => draw() + 64);
  return { dtype, shape, data };
}

/** A value in bytes, with its scale and zero point. */
export type Quantized = readonly [number, number, number];

export function quantized(b: GraphWriter, x: number): Quantized {
  const [q = -1, scale = -1, zero = -1] = b.node('DynamicQuantizeLinear', [x], {}, { outputs: 3 });
  return [q, scale, zero];
}

/** x · W + bias, W [inputs, outputs] in bytes. */
export function dense(b: GraphWriter, [q, scale, zero]: Quantized, inputs: number, outputs: number, seed: number): number {
  const weights = b.constant(bytes([inputs, outputs], 'int8', seed));
  const sums = one(b.node('Cast', [one(b.node('MatMulInteger', [q, weights, zero, scalar(b, 0, 'int8')]))], { to: 1 }));
  const both = one(b.node('Mul', [scale, scalar(b, 1 / (32 * Math.sqrt(inputs)))]));
  return one(b.node('Add', [one(b.node('Mul', [sums, both])), b.weight([outputs], 0.1)]));
}

export interface Encoder {
  readonly length: number;
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
}

/** One layer of BERT: queries, keys and values share the bytes of x; attention stays in floats. */
export function encoderLayer({ length, width, heads, inner }: Encoder): Graph {
  const b = writeGraph();
  const x = b.input('x', [1, length, width]);
  const shared = quantized(b, x);
  const part = width / heads;
  const head = (v: number, perm: readonly number[]): number =>
    one(b.node('Transpose', [one(b.node('Reshape', [v, b.ints([1, length, heads, part])]))], { perm }));
  const [q, k, v] = [1, 2, 3].map((seed) => dense(b, shared, width, width, seed)) as [number, number, number];
  const scores = one(b.node('Div', [one(b.node('MatMul', [head(q, [0, 2, 1, 3]), head(k, [0, 2, 3, 1])])), scalar(b, Math.sqrt(part))]));
  const context = one(b.node('MatMul', [one(b.node('Softmax', [scores], { axis: -1 })), head(v, [0, 2, 1, 3])]));
  const joined = one(b.node('Reshape', [one(b.node('Transpose', [context], { perm: [0, 2, 1, 3] })), b.ints([1, length, width])]));
  const normed = (y: number): number => one(b.node('LayerNormalization', [y, b.weight([width]), b.weight([width])], { axis: -1 }));
  const first = normed(one(b.node('Add', [x, dense(b, quantized(b, joined), width, width, 4)])));
  const wide = one(b.node('Gelu', [dense(b, quantized(b, first), width, inner, 5)]));
  return b.finish(normed(one(b.node('Add', [first, dense(b, quantized(b, wide), inner, width, 6)]))));
}

/** Two convolutions with a Relu between. */
export function convolutions(channels: number, size: number): Graph {
  const b = writeGraph();
  const conv = (x: number, from: number, seed: number): number => {
    const [q, scale, zero] = quantized(b, x);
    const weights = b.constant(bytes([channels, from, 3, 3], 'uint8', seed));
    const sums = one(b.node('ConvInteger', [q, weights, zero, scalar(b, 64, 'uint8')], { pads: [1, 1, 1, 1] }));
    const both = one(b.node('Mul', [scale, scalar(b, 0.004)]));
    const real = one(b.node('Mul', [one(b.node('Cast', [sums], { to: 1 })), both]));
    return one(b.node('Relu', [one(b.node('Add', [real, b.weight([1, channels, 1, 1], 0.1)]))]));
  };
  return b.finish(conv(conv(b.input('x', [1, 3, size, size]), 3, 1), channels, 2));
}

export interface Recurrent {
  readonly steps: number;
  readonly batch: number;
  readonly features: number;
  readonly hidden: number;
  readonly direction: 'forward' | 'reverse' | 'bidirectional';
  /** Scales and zero points of the weights: one a direction, or one a column. */
  readonly columns: boolean;
}

/** DynamicQuantizeLSTM, which takes the place of an LSTM. */
export function recurrent({ steps, batch, features, hidden, direction, columns }: Recurrent): Graph {
  const b = writeGraph();
  const d = direction === 'bidirectional' ? 2 : 1;
  const rows = 4 * hidden;
  const shape = columns ? [d, rows] : [d];
  const random = seededRandom(steps + hidden);
  const scales = (): number => {
    const data = Float32Array.from({ length: columns ? d * rows : d }, () => 0.004 + 0.004 * random.next());
    return b.constant({ dtype: 'float32', shape, data });
  };
  const zeros = (): number => b.constant({ dtype: 'int8', shape, data: Int8Array.from({ length: columns ? d * rows : d }, () => 0) });
  const inputs = [
    b.input('x', [steps, batch, features]),
    b.constant(bytes([d, features, rows], 'int8', 1)),
    b.constant(bytes([d, hidden, rows], 'int8', 2)),
    b.weight([d, 2 * rows]),
    null,
    b.input('h', [d, batch, hidden]),
    b.input('c', [d, batch, hidden]),
    null,
    scales(),
    zeros(),
    scales(),
    zeros(),
  ];
  return b.finish(...b.node('com.microsoft.DynamicQuantizeLSTM', inputs, { direction, hidden_size: hidden }, { outputs: 3 }));
}
