/** Reductions over chosen axes. Sums of floats are fp32, in row-major order of the reduced elements. */
import {
  bitsOf,
  clamp,
  elementCount,
  exp64,
  integerRange,
  isFloat,
  isInteger,
  log64,
  rowMajorStrides,
  type DType,
  type Tensor,
} from '../../core/index.ts';
import { addDim, maxDim, minDim, mulDim, type Dim } from '../dim.ts';
import { oneOf } from './one-of.ts';
import type { TensorType } from '../ir.ts';
import { concreteShape, knownNumbers, listLength, valuesOf } from './contents.ts';
import { asInfer } from './context.ts';
import { roundingOf, type Rounding } from './elements.ts';
import { allocate, numbersOf, reshaped, tensorOf, type Numbers } from './numbers.ts';
import {
  defineOp,
  hasInput,
  intAttribute,
  intsAttribute,
  normalizeAxis,
  outputType,
  requiredTensor,
  requiredType,
  type ContentsContext,
  type Element,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

interface Reduction {
  readonly name: string;
  readonly since: readonly number[];
  readonly start: number;
  /** Joins one element to the result so far; rounded when stored, steps between by `round`. */
  readonly step: (sum: number, x: number, round: Rounding) => number;
  /** The same on integers of at most 32 bits, modulo 2³², where doubles would not be exact. */
  readonly word?: (sum: number, x: number) => number;
  /** The same on symbolic sizes. */
  readonly dims?: (a: Dim, b: Dim) => Dim;
  readonly finish?: (sum: number, count: number) => number;
}

/**
 * Axes that go; null where only the run tells which. An attribute in older opsets, an input from 18 (ReduceSum: 13) on; none
 * given reduces all, or nothing by `noop_with_empty_axes`.
 */
function reducedAxes(context: InferContext, rank: number): readonly number[] | null {
  const given = intsAttribute(context, 'axes') ?? (hasInput(context, 1) ? knownNumbers(context, 1) : []);
  if (given === null) return null;
  if (given.length > 0) return given.map((a) => normalizeAxis(context, a, rank, 'axes'));
  return intAttribute(context, 'noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, i) => i);
}

/** The type where only the run tells the axes: an axis that stays may be reduced to 1, how many go may be known. */
function reducedSomewhere(context: InferContext, x: TensorType): TensorType {
  const why = valuesOf(1, 'axes');
  if (intAttribute(context, 'keepdims', 1) !== 0) {
    return { dtype: x.dtype, shape: x.shape.map((d) => (d === 1 ? 1 : context.unknownDim(maxDim(1, d), why))) };
  }
  const count = listLength(context, 1);
  if (count === null || count === 0 || count > x.shape.length) return { dtype: x.dtype, shape: [], unranked: true };
  const shape = Array.from({ length: x.shape.length - count }, (_, i) => oneOf(context, x.shape.slice(i, i + count + 1), why));
  return { dtype: x.dtype, shape };
}

function reduceOp(reduction: Reduction): OpDef {
  return defineOp({
    name: reduction.name,
    since: reduction.since,
    kernelClass: 'reduce',
    attributes: { axes: 'computed', keepdims: 1, noop_with_empty_axes: 0 },
    infer(context) {
      const x = requiredType(context, 0, 'data');
      const axes = reducedAxes(context, x.shape.length);
      if (axes === null) return [reducedSomewhere(context, x)];
      const keep = intAttribute(context, 'keepdims', 1) !== 0;
      return [{ dtype: x.dtype, shape: x.shape.flatMap((d, i): Dim[] => (!axes.includes(i) ? [d] : keep ? [1] : [])) }];
    },
    evaluate: (context) => [evaluateReduction(context, reduction)],
    contents: (context) => (reduction.dims === undefined ? null : reducedContents(context, reduction.dims)),
  });
}

/** A list, or all axes, reduced to one number. */
function reducedContents(context: ContentsContext, join: (a: Dim, b: Dim) => Dim): readonly Element[] | null {
  const elements = context.elements(0);
  const known = elements?.filter((e) => e !== null) ?? [];
  const one = concreteShape(context.outputs[0]);
  if (elements === null || known.length !== elements.length || known.length === 0 || one === null || elementCount(one) !== 1) return null;
  return [known.reduce(join)];
}

function evaluateReduction(context: EvaluateContext, reduction: Reduction): Tensor {
  const { name, start, finish } = reduction;
  const x = requiredTensor(context, 0, 'data');
  const type = outputType(context);
  const axes = reducedAxes(asInfer(context), x.shape.length) ?? [];
  if (axes.length === 0 && intAttribute(context, 'noop_with_empty_axes', 0) !== 0) return reshaped(x, type.shape);
  const step = isInteger(x.dtype) && bitsOf(x.dtype) <= 32 ? (reduction.word ?? reduction.step) : reduction.step;
  const source = numbersOf(x);
  if (name === 'ReduceLogSumExp') return tensorOf(type.dtype, type.shape, logSumExp(x, source, axes));
  const out = accumulator(x.dtype, elementCount(x.shape.filter((_, i) => !axes.includes(i))));
  out.fill(isFloat(x.dtype) ? start : clamp(start, ...integerLimits(x.dtype)));
  const count = elementCount(axes.map((a) => x.shape[a] ?? 1));
  const round = isFloat(x.dtype) ? roundingOf(x.dtype) : (v: number): number => v;
  walk(x.shape, axes, (from, length, to, stride) => {
    if (stride === 0) {
      for (let i = 0; i < length; i++) out[to] = step(out[to] ?? 0, source[from + i] ?? 0, round);
    } else {
      for (let i = 0; i < length; i++) out[to + i] = step(out[to + i] ?? 0, source[from + i] ?? 0, round);
    }
  });
  if (finish !== undefined) for (let i = 0; i < out.length; i++) out[i] = finish(out[i] ?? 0, count);
  return tensorOf(type.dtype, type.shape, out);
}

function integerLimits(dtype: DType): readonly [number, number] {
  if (dtype === 'int64') return [-(2 ** 63), 2 ** 63];
  return dtype === 'uint64' ? [0, 2 ** 64] : integerRange(dtype);
}

/** fp32 for floats; doubles for integers, exact to 2^53. */
function accumulator(dtype: DType, count: number): Numbers {
  return isFloat(dtype) ? allocate(dtype, count) : new Float64Array(count);
}

/** Calls `visit` for each run along the last axis: where it starts, its length, its first result and the result's stride (0 or 1). */
function walk(
  shape: readonly number[],
  axes: readonly number[],
  visit: (from: number, length: number, to: number, stride: 0 | 1) => void,
): void {
  const kept = rowMajorStrides(shape.filter((_, i) => !axes.includes(i)));
  let next = 0;
  const strides = shape.map((_, i) => (axes.includes(i) ? 0 : (kept[next++] ?? 0)));
  const length = shape.at(-1) ?? 1;
  const outer = shape.slice(0, -1);
  const index = new Array<number>(outer.length).fill(0);
  const runs = elementCount(outer);
  let to = 0;
  for (let run = 0; run < runs; run++) {
    visit(run * length, length, to, shape.length > 0 && strides.at(-1) !== 0 ? 1 : 0);
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      const i = (index[axis] ?? 0) + 1;
      to += strides[axis] ?? 0;
      if (i < (outer[axis] ?? 1)) {
        index[axis] = i;
        break;
      }
      to -= i * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
}

/** max + ln Σ e^(x - max): the plain formula would overflow. */
function logSumExp({ shape, dtype }: Tensor, x: Numbers, axes: readonly number[]): Numbers {
  const count = elementCount(shape.filter((_, i) => !axes.includes(i)));
  const storage = dtype === 'float64' ? 'float64' : 'float32';
  const round = roundingOf(storage);
  const max = allocate(storage, count).fill(-Infinity);
  walk(shape, axes, (from, length, to, stride) => {
    for (let i = 0; i < length; i++) max[to + i * stride] = Math.max(max[to + i * stride] ?? 0, x[from + i] ?? 0);
  });
  const sum = allocate(storage, count);
  walk(shape, axes, (from, length, to, stride) => {
    for (let i = 0; i < length; i++) {
      const at = to + i * stride;
      const m = max[at] ?? 0;
      sum[at] = (sum[at] ?? 0) + round(exp64(round((x[from + i] ?? 0) - (Math.abs(m) === Infinity ? 0 : m))));
    }
  });
  return sum.map((s, i) => round(round(log64(s)) + (Math.abs(max[i] ?? 0) === Infinity ? 0 : (max[i] ?? 0))));
}

const recent = [1, 11, 13, 18];

export const reduceOps: readonly OpDef[] = [
  reduceOp({ name: 'ReduceSum', since: [1, 11, 13], dims: addDim, start: 0, step: (s, x) => s + x }),
  reduceOp({ name: 'ReduceMean', since: recent, start: 0, step: (s, x) => s + x, finish: (s, n) => s / n }),
  reduceOp({
    name: 'ReduceMax',
    since: [1, 11, 12, 13, 18, 20],
    dims: maxDim,
    start: -Infinity,
    step: (s, x) => Math.max(s, x),
  }),
  reduceOp({
    name: 'ReduceMin',
    since: [1, 11, 12, 13, 18, 20],
    dims: minDim,
    start: Infinity,
    step: (s, x) => Math.min(s, x),
  }),
  reduceOp({ name: 'ReduceProd', since: recent, dims: mulDim, start: 1, step: (s, x) => s * x, word: Math.imul }),
  reduceOp({ name: 'ReduceL1', since: recent, start: 0, step: (s, x) => s + Math.abs(x) }),
  reduceOp({ name: 'ReduceL2', since: recent, start: 0, step: (s, x, round) => s + round(x * x), finish: (s) => Math.sqrt(s) }),
  reduceOp({
    name: 'ReduceSumSquare',
    since: recent,
    start: 0,
    step: (s, x, round) => s + round(x * x),
    word: (s, x) => (s + Math.imul(x, x)) | 0,
  }),
  reduceOp({ name: 'ReduceLogSum', since: recent, start: 0, step: (s, x) => s + x, finish: (s) => log64(s) }),
  reduceOp({ name: 'ReduceLogSumExp', since: recent, start: 0, step: (s) => s }),
];
