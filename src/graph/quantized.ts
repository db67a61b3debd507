/**
 * The meaning of one node on quantized values: real = scale · (q - zeroPoint).
 *
 * - Conv, Gemm, MatMul of 8-bit operands, and of 16-bit ones whose sums certainly fit int32 (`sumsFit`): acc = Σ (x - zx)(w - zw) + bias in int32, wrapping; q = requantize(acc, M[c], zo),
 *   M[c] = f32(f32(sx · sw[c]) / so). Without output quantization y = dequantize(acc, f32(sx · sw[c]), 0). An int32 output of scale
 *   f32(sx · sw[c]) and zero point 0 is acc itself.
 * - DequantizeLinear reads the integers of its operand; QuantizeLinear of the scale its operand has gives them back.
 * - AveragePool, GlobalAveragePool: q = clamp(roundHalfEven(f32(f32(f32(Σ (x - zx)) / count) · f32(sx / so))) + zo).
 * - MaxPool, views, moves with equal quantization at both ends: on q itself.
 * - Concat: per input a copy, or quantize(dequantize(q)) where the quantization differs.
 * - everything else: dequantize, evaluate in fp32, quantize.
 */
import {
  clamp,
  dequantize,
  elementCount,
  fixedPointOf,
  integerRange,
  quantize,
  requantize,
  requantizeFixed,
  roundHalfEven,
  type DType,
  type Tensor,
} from '../core/index.ts';
import { evaluateNode } from './evaluate.ts';
import { attributeFloat, attributeInt, attributeString, type Node, type Quantization } from './ir.ts';
import { broadcastRows } from './ops/broadcast.ts';
import { convGeometry, convolveInt } from './ops/conv.ts';
import { opDef } from './ops/index.ts';
import { matMulPlan } from './ops/matmul.ts';
import { asInfer } from './ops/context.ts';
import { joined } from './ops/move.ts';
import { allocate, numbersOf, tensorOf, type Numbers } from './ops/numbers.ts';
import { planOf, sumOverWindows } from './ops/pool.ts';
import { addProducts, transposeInt } from './ops/product.ts';

/** Numbers with what they mean; `quantization` null for plain numbers. */
export interface QuantizedTensor {
  readonly tensor: Tensor;
  readonly quantization: Quantization | null;
}

/** What an output must be: its element type and quantization. */
export interface OutputForm {
  readonly dtype: DType;
  readonly quantization: Quantization | null;
}

export function evaluateQuantizedNode(
  node: Node,
  opset: number,
  inputs: readonly (QuantizedTensor | null)[],
  outputs: readonly OutputForm[],
): readonly Tensor[] {
  const [output] = outputs;
  if (output !== undefined && (node.domain === '' || node.domain === 'ai.onnx')) {
    const special = evaluateInteger(node, opset, inputs, outputs, output);
    if (special !== null) return special;
  }
  const real = inputs.map((x) => (x === null ? null : dequantizeTensor(x)));
  // Its output is integers whether or not the graph says what they stand for.
  if (node.op === 'QuantizeLinear') return evaluateNode(node, opset, real);
  return evaluateNode(node, opset, real).map((t, i) => {
    const form = outputs[i];
    return form === undefined || form.quantization === null ? t : quantizeTensor(t, form.quantization, form.dtype);
  });
}

/** The operators with an integer rule; null where the generic rule applies. */
function evaluateInteger(
  node: Node,
  opset: number,
  inputs: readonly (QuantizedTensor | null)[],
  outputs: readonly OutputForm[],
  output: OutputForm,
): readonly Tensor[] | null {
  const [x = null] = inputs;
  if (node.op === 'DequantizeLinear' && x !== null) return [dequantizeLinear(node, opset, x, inputs, output)];
  if (x === null || x.quantization === null) return node.op === 'Concat' ? concat(node, inputs, output) : null;
  switch (node.op) {
    case 'Conv':
    case 'Gemm':
    case 'MatMul': {
      const acc = accumulate(node, opset, inputs);
      return acc === null ? null : [drain(acc, output)];
    }
    case 'AveragePool':
    case 'GlobalAveragePool':
      return output.quantization === null ? null : [averagePool(node, opset, x.tensor, x.quantization, output)];
    case 'Concat':
      return concat(node, inputs, output);
    default:
  }
  const copies = node.op === 'MaxPool' || node.op === 'GlobalMaxPool' || copiesElements(node);
  const same = outputs.every((o, i) => (i > 0 && node.op === 'MaxPool') || sameForm(x, o));
  if (!copies || !same) return null;
  const integers = inputs.map((input) => input?.tensor ?? null);
  if (node.op === 'Pad') integers[2] = padElement(node, inputs[2] ?? null, x);
  const plain = node.op === 'Pad' && node.attributes['value'] !== undefined ? withoutAttribute(node, 'value') : node;
  return evaluateNode(plain, opset, integers);
}

/** Of the integers as they stand; a result of the same scale is those integers. */
function dequantizeLinear(
  node: Node,
  opset: number,
  x: QuantizedTensor,
  inputs: readonly (QuantizedTensor | null)[],
  output: OutputForm,
): Tensor {
  const operands = inputs.map((t) => t?.tensor ?? null);
  const [real] = evaluateNode(node, opset, operands);
  if (real === undefined) throw new Error(`${node.op} "${node.name}" made nothing`);
  return output.quantization === null ? real : quantizeTensor(real, output.quantization, output.dtype);
}

function withoutAttribute(node: Node, name: string): Node {
  return { ...node, attributes: Object.fromEntries(Object.entries(node.attributes).filter(([key]) => key !== name)) };
}

/** Operators whose outputs are elements of input 0 as they stand. */
function copiesElements(node: Node): boolean {
  const kernelClass = opDef(node.domain, node.op)?.kernelClass;
  if (node.op === 'Resize' || node.op === 'Upsample') return attributeString(node, 'mode', 'nearest') === 'nearest';
  return kernelClass === 'move' || kernelClass === 'gather';
}

/** What Pad fills with, as an element of x: the quantized constant, or the zero point. */
function padElement(node: Node, given: QuantizedTensor | null, x: QuantizedTensor): Tensor {
  const q = x.quantization;
  const real = given === null ? attributeFloat(node, 'value', 0) : (numbersOf(dequantizeTensor(given))[0] ?? 0);
  const [lo, hi] = integerRange(x.tensor.dtype);
  return tensorOf(x.tensor.dtype, [], [quantize(real, q?.scale[0] ?? 1, q?.zeroPoint[0] ?? 0, lo, hi)]);
}

/** Equal element type and quantization, numbers compared. */
function sameForm(x: QuantizedTensor, output: OutputForm): boolean {
  return x.tensor.dtype === output.dtype && sameQuantization(x.quantization, output.quantization);
}

/** True when two quantizations map integers to the same real numbers. */
export function sameQuantization(a: Quantization | null, b: Quantization | null): boolean {
  if (a === null || b === null) return a === b;
  if (a === b) return true;
  return (
    a.axis === b.axis &&
    a.scale.length === b.scale.length &&
    a.scale.every((s, i) => s === b.scale[i]) &&
    a.zeroPoint.every((z, i) => z === b.zeroPoint[i])
  );
}

/** Which index of the axis element i belongs to; always 0 for one scale. */
function channelOf(q: Quantization, shape: readonly number[]): { readonly inner: number; readonly channels: number } {
  if (q.axis === null || q.scale.length === 1) return { inner: Math.max(1, elementCount(shape)), channels: 1 };
  return { inner: elementCount(shape.slice(q.axis + 1)), channels: shape[q.axis] ?? 1 };
}

/** Integers to the fp32 numbers they stand for; plain numbers unchanged. */
export function dequantizeTensor({ tensor, quantization: q }: QuantizedTensor): Tensor {
  if (q === null) return tensor;
  const source = numbersOf(tensor);
  const { inner, channels } = channelOf(q, tensor.shape);
  const out = new Float32Array(source.length);
  for (let at = 0, block = 0; at < out.length; block++) {
    const scale = q.scale[block % channels] ?? 1;
    const zero = q.zeroPoint[block % channels] ?? 0;
    for (let i = 0; i < inner; i++, at++) out[at] = dequantize(source[at] ?? 0, scale, zero);
  }
  return { dtype: 'float32', shape: tensor.shape, data: out };
}

/** fp32 numbers to integers of `dtype`, clamped to its range. */
export function quantizeTensor(tensor: Tensor, q: Quantization, dtype: DType): Tensor {
  const source = numbersOf(tensor);
  const { inner, channels } = channelOf(q, tensor.shape);
  const [lo, hi] = integerRange(dtype);
  const out = allocate(dtype, source.length);
  for (let at = 0, block = 0; at < out.length; block++) {
    const scale = q.scale[block % channels] ?? 1;
    const zero = q.zeroPoint[block % channels] ?? 0;
    for (let i = 0; i < inner; i++, at++) out[at] = quantize(source[at] ?? 0, scale, zero, lo, hi);
  }
  return tensorOf(dtype, tensor.shape, out);
}

/** Finished sums of a contraction, int32 or wider; `channels` of `inner` neighbours each have one factor f32(sx · sw[c]). */
interface Accumulator {
  readonly sums: Int32Array | Float64Array;
  readonly shape: readonly number[];
  readonly factor: Float32Array;
  readonly inner: number;
}

function accumulate(node: Node, opset: number, inputs: readonly (QuantizedTensor | null)[]): Accumulator | null {
  const [x = null, w = null, bias = null] = inputs;
  const [qx, qw] = [x?.quantization ?? null, w?.quantization ?? null];
  if (x === null || w === null || qx === null || qw === null || qx.scale.length !== 1) return null;
  const bits = sumBitsOf(node);
  const held = [x, w].map((t): HeldOperand => ({ dtype: t.tensor.dtype, quantization: t.quantization ?? qx }));
  if (!sumsFit(held[0] as HeldOperand, held[1] as HeldOperand, depthOf(node, w.tensor.shape), bits)) return null;
  if (bias !== null && bias.tensor.dtype !== 'int32') return null;
  if (attributeFloat(node, 'alpha', 1) !== 1 || attributeFloat(node, 'beta', 1) !== 1) return null;
  const context = { node, opset, inputs: inputs.map((t) => t?.tensor ?? null), outputs: [] };
  // Shapes are those of the operator on reals, whose operands have one type.
  const real = context.inputs.map((t): Tensor | null => (t === null ? null : { ...t, dtype: 'float32' }));
  const shape =
    opDef('', node.op)
      ?.infer(asInfer({ ...context, inputs: real }))[0]
      ?.shape.map(Number) ?? [];
  const channelAxis = weightChannelAxis(node, w.tensor.shape.length);
  if (qw.axis !== null && qw.scale.length > 1 && qw.axis !== channelAxis) return null;
  const left = centered(x.tensor, qx);
  const right = centered(w.tensor, qw);
  const sums = bits > 32 ? new Float64Array(elementCount(shape)) : new Int32Array(elementCount(shape));
  const factor = qw.scale.map((s) => (qx.scale[0] ?? 1) * s);
  if (node.op === 'Conv') {
    const geometry = convGeometry(context, x.tensor.shape, w.tensor.shape, shape);
    convolveInt(geometry, left, right, sums);
    const inner = elementCount(shape.slice(2));
    if (bias !== null) addBias(sums, numbersOf(bias.tensor), shape, [bias.tensor.shape[0] ?? 1, ...shape.slice(2).map(() => 1)]);
    return { sums, shape, factor, inner };
  }
  if (node.op === 'Gemm') {
    const [m = 1, n = 1] = shape;
    const k = elementCount(x.tensor.shape) / Math.max(1, m);
    const a = attributeInt(node, 'transA', 0) === 0 ? left : transposeInt(left, 0, k, m);
    const b = attributeInt(node, 'transB', 0) === 0 ? right : transposeInt(right, 0, n, k);
    addProducts(a, b, sums, { m, n, k, aOffset: 0, cOffset: 0, cStride: n });
  } else {
    const p = matMulPlan(x.tensor.shape, w.tensor.shape);
    for (let i = 0; i < p.batches; i++) {
      const bOffset = p.bOffsets[i] ?? 0;
      addProducts(left, right.subarray(bOffset, bOffset + p.k * p.n), sums, {
        m: p.m,
        n: p.n,
        k: p.k,
        aOffset: p.aOffsets[i] ?? 0,
        cOffset: i * p.m * p.n,
        cStride: p.n,
      });
    }
  }
  if (bias !== null) addBias(sums, numbersOf(bias.tensor), shape, bias.tensor.shape);
  return { sums, shape, factor, inner: 1 };
}

/** An operand of a contraction, as integers. */
export interface HeldOperand {
  readonly dtype: DType;
  readonly quantization: Quantization;
}

const narrow: readonly DType[] = ['int8', 'uint8', 'int16', 'uint16'];

/** How wide the sums of a contraction are where they are wider than int32: node attribute `sum_bits`, part of what the node means. */
export function sumBitsOf({ attributes }: Node): number {
  const { sum_bits: bits } = attributes;
  return bits?.kind === 'int' ? bits.value : 32;
}

/**
 * Whether a contraction over `depth` products is one of integers: 8-bit operands always (their sums wrap at int32 where they must), 16-bit
 * ones where the operands less their zero points fit 16 bits and no sum can leave accumulators of `bits`.
 */
export function sumsFit(x: HeldOperand, w: HeldOperand, depth: number, bits: number = 32): boolean {
  if (!narrow.includes(x.dtype) || !narrow.includes(w.dtype)) return false;
  if ([x, w].every((o) => o.dtype === 'int8' || o.dtype === 'uint8')) return true;
  const size = ({ dtype, quantization }: HeldOperand): number => {
    const [lo, hi] = integerRange(dtype);
    return quantization.zeroPoint.reduce(
      (most, z) => Math.max(most, hi - z > 32767 ? Infinity : hi - z, z - lo > 32768 ? Infinity : z - lo),
      0,
    );
  };
  return depth * size(x) * size(w) < 2 ** (bits - 1);
}

/** How many products each sum of a contraction adds; `weights` is the shape of operand 1. */
export function depthOf(node: Node, weights: readonly number[]): number {
  if (node.op === 'Conv') return elementCount(weights.slice(1));
  if (node.op === 'Gemm') return weights[attributeInt(node, 'transB', 0) === 0 ? 0 : 1] ?? 1;
  return weights.at(weights.length > 1 ? -2 : -1) ?? 1;
}

/** The axis of the weights that runs over output channels. */
function weightChannelAxis(node: Node, rank: number): number {
  if (node.op === 'Conv') return 0;
  if (node.op === 'Gemm') return attributeInt(node, 'transB', 0) === 0 ? 1 : 0;
  return rank - 1;
}

/** q - zeroPoint, which fits 16 bits: see `sumsFit`. */
function centered(tensor: Tensor, q: Quantization): Int16Array {
  const source = numbersOf(tensor);
  const out = new Int16Array(source.length);
  const { inner, channels } = channelOf(q, tensor.shape);
  for (let at = 0, block = 0; at < out.length; block++) {
    const zero = q.zeroPoint[block % channels] ?? 0;
    for (let i = 0; i < inner; i++, at++) out[at] = (source[at] ?? 0) - zero;
  }
  return out;
}

function addBias(sums: Int32Array | Float64Array, bias: Numbers, shape: readonly number[], biasShape: readonly number[]): void {
  const loop = broadcastRows(shape, [biasShape]);
  const step = loop.step[0] ?? 0;
  const wraps = sums instanceof Int32Array;
  for (let r = 0, at = 0; r < loop.rows && at < sums.length; r++) {
    let from = loop.base[0]?.[r] ?? 0;
    for (let i = 0; i < loop.length; i++, at++, from += step)
      sums[at] = wraps ? ((sums[at] ?? 0) + (bias[from] ?? 0)) | 0 : (sums[at] ?? 0) + (bias[from] ?? 0);
  }
}

function drain({ sums, shape, factor, inner }: Accumulator, output: OutputForm): Tensor {
  const channels = factor.length;
  const q = output.quantization;
  const out = allocate(output.dtype, sums.length);
  if (q === null) {
    for (let at = 0, block = 0; at < out.length; block++) {
      const f = factor[block % channels] ?? 1;
      for (let i = 0; i < inner; i++, at++) out[at] = dequantize(sums[at] ?? 0, f, 0);
    }
    return tensorOf(output.dtype, shape, out);
  }
  if (output.dtype === 'int32' && sums instanceof Int32Array && q.scale.every((s, c) => s === factor[factor.length === 1 ? 0 : c]))
    return { dtype: 'int32', shape, data: sums };
  const [lo, hi] = integerRange(output.dtype);
  const scale = q.scale[0] ?? 1;
  const zero = q.zeroPoint[0] ?? 0;
  const multipliers = factor.map((f) => f / scale);
  if (q.rescale === 'fixed-point') {
    const fixed = Array.from(multipliers, fixedPointOf);
    for (let at = 0, block = 0; at < out.length; block++) {
      const m = fixed[block % channels] ?? fixedPointOf(1);
      for (let i = 0; i < inner; i++, at++) out[at] = requantizeFixed(sums[at] ?? 0, m, zero, lo, hi);
    }
    return tensorOf(output.dtype, shape, out);
  }
  for (let at = 0, block = 0; at < out.length; block++) {
    const multiplier = multipliers[block % channels] ?? 1;
    for (let i = 0; i < inner; i++, at++) out[at] = requantize(sums[at] ?? 0, multiplier, zero, lo, hi);
  }
  return tensorOf(output.dtype, shape, out);
}

function averagePool(node: Node, opset: number, x: Tensor, qx: Quantization, output: OutputForm): Tensor {
  const context = { node, opset, inputs: [x], outputs: [] };
  const shape = opDef('', node.op)?.infer(asInfer(context))[0]?.shape.map(Number) ?? [];
  const plan = planOf({ ...context, outputs: [{ dtype: x.dtype, shape }] }, x);
  const multiplier = Math.fround((qx.scale[0] ?? 1) / (output.quantization?.scale[0] ?? 1));
  const zero = output.quantization?.zeroPoint[0] ?? 0;
  const [lo, hi] = integerRange(output.dtype);
  const out = allocate(output.dtype, elementCount(shape));
  sumOverWindows(plan, numbersOf(x), qx.zeroPoint[0] ?? 0, (sum, count, at) => {
    out[at] = clamp(roundHalfEven(Math.fround(Math.fround(Math.fround(sum) / count) * multiplier)) + zero, lo, hi);
  });
  return tensorOf(output.dtype, shape, out);
}

function concat(node: Node, inputs: readonly (QuantizedTensor | null)[], output: OutputForm): readonly Tensor[] | null {
  const q = output.quantization;
  if (q === null) return null;
  const parts = inputs.flatMap((x) =>
    x === null ? [] : [sameForm(x, output) ? x.tensor : quantizeTensor(dequantizeTensor(x), q, output.dtype)],
  );
  const [first] = parts;
  if (first === undefined) return null;
  const given = attributeInt(node, 'axis', 0);
  const axis = given < 0 ? given + first.shape.length : given;
  const shape = first.shape.map((d, i) => (i === axis ? parts.reduce((n, p) => n + (p.shape[axis] ?? 0), 0) : d));
  return [joined(parts, axis, shape)];
}
