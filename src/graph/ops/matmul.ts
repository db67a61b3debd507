import { elementCount, isInteger, rowMajorStrides, type DType, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { broadcastRows, broadcastShapes, checkBroadcastsTo } from './broadcast.ts';
import { combine } from './elements.ts';
import { transposed } from './move.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { productDouble, productFloat, transposeFloat, type ProductShape } from './product.ts';

export const gemm: OpDef = defineOp({
  name: 'Gemm',
  since: [1, 6, 7, 9, 11, 13],
  kernelClass: 'contraction',
  attributes: { alpha: 1, beta: 1, transA: 0, transB: 0 },
  infer(context) {
    const a = requiredType(context, 0, 'A');
    const b = requiredType(context, 1, 'B');
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      misfit(context, `the operands ${printShape(a.shape)} and ${printShape(b.shape)} are not both matrices`);
    }
    for (const type of [b, context.inputs[2] ?? a]) checkSameType(context, a, type);
    const [m = 1, ka = 1] = turned(a.shape, intAttribute(context, 'transA', 0));
    const [kb = 1, n = 1] = turned(b.shape, intAttribute(context, 'transB', 0));
    checkInner(context, ka, kb, a.shape, b.shape);
    const c = context.inputs[2] ?? null;
    if (c === null) return [{ dtype: a.dtype, shape: [m, n] }];
    if (c.shape.length > 2) misfit(context, `C ${printShape(c.shape)} has more axes than the product ${printShape([m, n])}`);
    checkBroadcastsTo(context, [m, n], c.shape, 'C');
    // What C has more than one of, the product has too.
    const stated = (open: Dim, size: Dim | undefined): Dim =>
      typeof open !== 'number' && typeof size === 'number' && size !== 1 ? size : open;
    return [{ dtype: a.dtype, shape: [stated(m, c.shape.at(-2)), stated(n, c.shape.at(-1))] }];
  },
  evaluate(context) {
    const a = requiredTensor(context, 0, 'A');
    const b = requiredTensor(context, 1, 'B');
    const type = outputType(context);
    const [m = 1, n = 1] = type.shape;
    const k = (intAttribute(context, 'transA', 0) === 0 ? a.shape[1] : a.shape[0]) ?? 1;
    if (isWide(type.dtype)) return [gemmDouble(context, { a, b, m, n, k })];
    const left = intAttribute(context, 'transA', 0) === 0 ? floatsOf(a) : transposeFloat(floatsOf(a), 0, k, m);
    const right = intAttribute(context, 'transB', 0) === 0 ? floatsOf(b) : transposeFloat(floatsOf(b), 0, n, k);
    const out = new Float32Array(m * n);
    productFloat(left, right, out, { m, n, k, aOffset: 0, cOffset: 0, cStride: n });
    const alpha = floatAttribute(context, 'alpha', 1);
    if (alpha !== 1) for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * alpha;
    if (hasInput(context, 2)) {
      const c = requiredTensor(context, 2, 'C');
      addBroadcast(out, floatsOf(c), type.shape, c.shape, floatAttribute(context, 'beta', 1));
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
  macs(context) {
    const a = context.inputs[0]?.shape ?? [];
    const k = (intAttribute(context, 'transA', 0) === 0 ? a[1] : a[0]) ?? 1;
    return elementCount(context.outputs[0]?.shape ?? [0]) * k;
  },
});

/** What doubles compute: float64, and integers, whose sums are exact to 2^53 and then wrap. */
function isWide(dtype: DType): boolean {
  return dtype === 'float64' || isInteger(dtype);
}

interface GemmOperands {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function gemmDouble(context: EvaluateContext, { a, b, m, n, k }: GemmOperands): Tensor {
  const type = outputType(context);
  const left = intAttribute(context, 'transA', 0) === 0 ? a : transposed(a, [1, 0]);
  const right = intAttribute(context, 'transB', 0) === 0 ? b : transposed(b, [1, 0]);
  const out = new Float64Array(m * n);
  productDouble(numbersOf(left), numbersOf(right), out, { m, n, k, aOffset: 0, cOffset: 0, cStride: n });
  const alpha = floatAttribute(context, 'alpha', 1);
  const beta = floatAttribute(context, 'beta', 1);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * alpha;
  const product = tensorOf('float64', type.shape, out);
  if (!hasInput(context, 2)) return tensorOf(type.dtype, type.shape, out);
  const c = requiredTensor(context, 2, 'C');
  const sum = combine(product, c, { dtype: 'float64', shape: type.shape }, (x, y) => x + beta * y);
  return tensorOf(type.dtype, type.shape, numbersOf(sum));
}

function turned(shape: readonly Dim[], transpose: number): readonly Dim[] {
  return transpose === 0 ? shape : [...shape].reverse();
}

/** out += f32(beta · c), c broadcast. */
function addBroadcast(out: Float32Array, c: Float32Array, shape: readonly number[], cShape: readonly number[], beta: number): void {
  const loop = broadcastRows(shape, [cShape]);
  const step = loop.step[0] ?? 0;
  for (let r = 0, at = 0; r < loop.rows; r++) {
    let from = loop.base[0]?.[r] ?? 0;
    for (let i = 0; i < loop.length; i++, at++, from += step) out[at] = (out[at] ?? 0) + Math.fround(beta * (c[from] ?? 0));
  }
}

function checkSameType(context: OpContext, a: TensorType, b: TensorType): void {
  if (a.dtype !== b.dtype) misfit(context, `the operands are ${a.dtype} and ${b.dtype}`, 'All must have one element type: insert a Cast');
}

function checkInner(context: OpContext, ka: Dim, kb: Dim, a: readonly Dim[], b: readonly Dim[]): void {
  if (typeof ka === 'number' && typeof kb === 'number' && ka !== kb) {
    misfit(context, `the inner sizes of ${printShape(a)} and ${printShape(b)} differ: ${ka} against ${kb}`);
  }
}

export const matMul: OpDef = defineOp({
  name: 'MatMul',
  since: [1, 9, 13],
  kernelClass: 'contraction',
  infer(context) {
    const a = requiredType(context, 0, 'A');
    const b = requiredType(context, 1, 'B');
    if (a.shape.length === 0 || b.shape.length === 0) misfit(context, 'an operand is a scalar', 'MatMul takes tensors of rank 1 or more');
    checkSameType(context, a, b);
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    checkInner(context, left.at(-1) ?? 1, right.at(-2) ?? 1, a.shape, b.shape);
    const shape: Dim[] = broadcastShapes(context, [left.slice(0, -2), right.slice(0, -2)]);
    if (a.shape.length > 1) shape.push(left.at(-2) ?? 1);
    if (b.shape.length > 1) shape.push(right.at(-1) ?? 1);
    return [{ dtype: a.dtype, shape }];
  },
  evaluate(context) {
    const a = requiredTensor(context, 0, 'A');
    const b = requiredTensor(context, 1, 'B');
    const type = outputType(context);
    const plan = matMulPlan(a.shape, b.shape);
    const shapeOf = (i: number): ProductShape => ({
      m: plan.m,
      n: plan.n,
      k: plan.k,
      aOffset: plan.aOffsets[i] ?? 0,
      cOffset: i * plan.m * plan.n,
      cStride: plan.n,
    });
    const size = plan.k * plan.n;
    if (isWide(type.dtype)) {
      const [left, right] = [numbersOf(a), numbersOf(b)];
      const out = new Float64Array(elementCount(type.shape));
      for (let i = 0; i < plan.batches; i++) {
        const start = plan.bOffsets[i] ?? 0;
        productDouble(left, right.subarray(start, start + size), out, shapeOf(i));
      }
      return [tensorOf(type.dtype, type.shape, out)];
    }
    const left = floatsOf(a);
    const right = floatsOf(b);
    const out = new Float32Array(elementCount(type.shape));
    for (let i = 0; i < plan.batches; i++) {
      const start = plan.bOffsets[i] ?? 0;
      productFloat(left, right.subarray(start, start + size), out, shapeOf(i));
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
  macs(context) {
    const k = context.inputs[0]?.shape.at(-1) ?? 1;
    return elementCount(context.outputs[0]?.shape ?? [0]) * k;
  },
});

/** One product per batch: sizes, and where its operands start. */
export interface MatMulPlan {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches: number;
  readonly aOffsets: Int32Array;
  readonly bOffsets: Int32Array;
}

export function matMulPlan(a: readonly number[], b: readonly number[]): MatMulPlan {
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const m = left.at(-2) ?? 1;
  const k = left.at(-1) ?? 1;
  const n = right.at(-1) ?? 1;
  const aBatch = left.slice(0, -2);
  const bBatch = right.slice(0, -2);
  const rank = Math.max(aBatch.length, bBatch.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const x = aBatch[i - (rank - aBatch.length)] ?? 1;
    const y = bBatch[i - (rank - bBatch.length)] ?? 1;
    return x === 1 ? y : x;
  });
  const batches = elementCount(shape);
  return {
    m,
    n,
    k,
    batches,
    aOffsets: batchOffsets(shape, aBatch, m * k),
    bOffsets: batchOffsets(shape, bBatch, k * n),
  };
}

function batchOffsets(shape: readonly number[], own: readonly number[], size: number): Int32Array {
  const strides = rowMajorStrides(own);
  const total = rowMajorStrides(shape);
  return Int32Array.from({ length: elementCount(shape) }, (_, flat) => {
    let at = 0;
    for (let i = 0; i < shape.length; i++) {
      const mine = i - (shape.length - own.length);
      if (mine < 0 || own[mine] === 1) continue;
      at += (Math.floor(flat / (total[i] ?? 1)) % (shape[i] ?? 1)) * (strides[mine] ?? 0);
    }
    return at * size;
  });
}
