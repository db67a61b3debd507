/** Which property holds of which element type in which kernel class; or why the two never meet. */
import type { DType } from '../../src/core/index.ts';
import type { Graph } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import type { PropertyName } from './classes.ts';

export const rows = [
  'float32',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'int32',
  'bool',
  'int4 weights',
  'uint4 weights',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
] as const;
export type Row = (typeof rows)[number];

export const kernelClasses = [
  'contraction',
  'window',
  'elementwise',
  'reduction',
  'norm',
  'softmax',
  'movement',
  'requantization',
] as const;
export type Column = (typeof kernelClasses)[number];

export type Cell =
  /** `scaled`: the integers stand for reals. */
  | { readonly properties: readonly PropertyName[]; readonly dtype: DType; readonly scaled: boolean }
  /** The graph somebody might try all the same: it is refused, or goes to the host, with a code. */
  | { readonly absent: string; readonly attempt: () => Graph };

const holds = (dtype: DType, scaled: boolean, ...properties: PropertyName[]): Cell => ({ properties, dtype, scaled });

const never = (absent: string, attempt: (w: GraphWriter) => number): Cell => ({
  absent,
  attempt: () => {
    const w = writeGraph(23);
    const id = attempt(w);
    return w.finish(id);
  },
});

const conv =
  (dtype: DType) =>
  (w: GraphWriter): number =>
    one(w, 'Conv', [w.input('x', [1, 2, 4, 4], dtype), w.input('w', [3, 2, 1, 1], dtype)]);

const unary =
  (op: string, dtype: DType, attributes: Parameters<GraphWriter['node']>[2] = {}) =>
  (w: GraphWriter): number =>
    one(w, op, [w.input('x', [1, 2, 4, 4], dtype)], attributes);

const norm =
  (dtype: DType) =>
  (w: GraphWriter): number =>
    one(w, 'LayerNormalization', [w.input('x', [3, 4], dtype), w.input('s', [4], dtype)]);

const pool = (dtype: DType): ((w: GraphWriter) => number) => unary('AveragePool', dtype, { kernel_shape: [2, 2] });

function one(w: GraphWriter, op: string, inputs: readonly number[], attributes: Parameters<GraphWriter['node']>[2] = {}): number {
  return w.node(op, inputs, attributes)[0] ?? -1;
}

const float = (dtype: DType): Readonly<Record<Column, Cell>> => ({
  contraction: holds(dtype, false, 'conv', 'depthwise', 'matmul', 'gemm'),
  window: holds(dtype, false, 'maxPool', 'averagePool'),
  elementwise: holds(dtype, false, 'elementwise'),
  reduction: holds(dtype, false, 'reduction'),
  norm: holds(dtype, false, 'norm'),
  softmax: holds(dtype, false, 'softmax'),
  movement: holds(dtype, false, 'movement'),
  requantization: holds(dtype, false, 'requantization'),
});

const integer = (dtype: DType): Readonly<Record<Column, Cell>> => ({
  contraction: holds(dtype, true, 'conv', 'depthwise', 'matmul', 'gemm'),
  window: holds(dtype, true, 'maxPool', 'averagePool'),
  elementwise: holds(dtype, true, 'elementwise', 'wholeElementwise'),
  reduction: holds(dtype, true, 'reduction'),
  norm: holds(dtype, true, 'norm'),
  softmax: holds(dtype, true, 'softmax'),
  movement: holds(dtype, false, 'movement'),
  requantization: holds(dtype, true, 'requantization'),
});

/** Constants beside activations of bytes, by columns, and of floats, in blocks. */
const weights = (dtype: DType): Readonly<Record<Column, Cell>> => ({
  contraction: holds(dtype, true, 'packedProduct', 'blockProduct', 'blockConv'),
  window: never('weights alone are packed', pool(dtype)),
  elementwise: never('weights alone are packed', unary('Abs', dtype)),
  reduction: never('weights alone are packed', unary('ReduceSum', dtype)),
  norm: never('weights alone are packed', norm(dtype)),
  softmax: never('weights alone are packed', unary('Softmax', dtype)),
  movement: never('a DMA moves whole bytes', unary('Transpose', dtype)),
  requantization: never('the lanes read packed weights alone', unary('Cast', dtype, { to: 1 })),
});

/** Held with a scale, as models hold them; what is between is float32. */
const scaledFloat = (dtype: DType): Readonly<Record<Column, Cell>> => ({
  contraction: holds(dtype, true, 'conv', 'depthwise', 'matmul', 'gemm'),
  window: holds(dtype, true, 'maxPool', 'averagePool'),
  elementwise: holds(dtype, true, 'elementwise', 'readFloat8'),
  reduction: holds(dtype, true, 'reduction'),
  norm: holds(dtype, true, 'norm'),
  softmax: holds(dtype, true, 'softmax'),
  movement: holds(dtype, false, 'movement'),
  requantization: holds(dtype, true, 'requantization', 'writeFloat8'),
});

export const table: Readonly<Record<Row, Readonly<Record<Column, Cell>>>> = {
  float32: float('float32'),
  float16: float('float16'),
  bfloat16: float('bfloat16'),
  int8: integer('int8'),
  uint8: integer('uint8'),
  int16: integer('int16'),
  int32: {
    contraction: never('no array multiplies int32: matrix.rates has no such entry', conv('int32')),
    window: never('ONNX pools no int32', pool('int32')),
    elementwise: holds('int32', false, 'wholeElementwise'),
    reduction: holds('int32', false, 'reduction'),
    norm: never('ONNX normalizes floats', norm('int32')),
    softmax: never('ONNX has softmax of floats', unary('Softmax', 'int32')),
    movement: holds('int32', false, 'movement'),
    requantization: holds('int32', false, 'requantization'),
  },
  bool: {
    contraction: never('ONNX multiplies numbers', conv('bool')),
    window: never('ONNX averages numbers', pool('bool')),
    elementwise: holds('bool', false, 'logical'),
    reduction: holds('bool', false, 'logicalReduction'),
    norm: never('ONNX normalizes floats', norm('bool')),
    softmax: never('ONNX has softmax of floats', unary('Softmax', 'bool')),
    movement: holds('bool', false, 'movement'),
    requantization: holds('bool', false, 'requantization'),
  },
  'int4 weights': weights('int4'),
  'uint4 weights': weights('uint4'),
  float8e4m3fn: scaledFloat('float8e4m3fn'),
  float8e4m3fnuz: scaledFloat('float8e4m3fnuz'),
  float8e5m2: scaledFloat('float8e5m2'),
  float8e5m2fnuz: scaledFloat('float8e5m2fnuz'),
};
