/** Operators that choose elements by index tuples, masks and positions: GatherND, OneHot, Compress, NonZero, Trilu, EyeLike, Unique. */
import { elementCount, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { productDim, type Dim } from '../dim.ts';
import { dtypeAttribute } from './cast.ts';
import { numbersOf, pick, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { oneNumber, pickedContents } from './contents.ts';
import { tupleStarts } from './scatter.ts';
import { storedOf } from './storage.ts';

export const gatherNd: OpDef = defineOp({
  name: 'GatherND',
  since: [11, 12, 13],
  kernelClass: 'gather',
  attributes: { batch_dims: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    const batch = intAttribute(context, 'batch_dims', 0);
    const depth = indices.shape.at(-1);
    if (depth === undefined) misfit(context, 'the indices are a scalar', 'Their last axis holds the index tuples');
    if (typeof depth !== 'number') {
      // How many axes of the data a tuple names decides the rank.
      return [{ dtype: x.dtype, shape: [], unranked: true }];
    }
    if (batch + depth > x.shape.length) {
      misfit(
        context,
        `indices of ${depth} numbers behind ${batch} batch axes point into ${printShape(x.shape)}, which has ${x.shape.length} axes`,
      );
    }
    return [{ dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batch + depth)] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const indices = requiredTensor(context, 1, 'indices');
    const type = outputType(context);
    const batch = intAttribute(context, 'batch_dims', 0);
    const { at, depth } = tupleStarts(context, indices, x.shape, batch);
    const run = elementCount(x.shape.slice(batch + depth));
    const batches = elementCount(x.shape.slice(0, batch));
    const perBatch = at.length / Math.max(1, batches);
    const size = elementCount(x.shape.slice(batch));
    const from = new Int32Array(elementCount(type.shape));
    for (let i = 0, n = 0; i < at.length; i++) {
      const start = (at[i] ?? 0) + Math.floor(i / perBatch) * size;
      for (let k = 0; k < run; k++) from[n++] = start + k;
    }
    return [pick(x, type.shape, from)];
  },
  contents: (context) => pickedContents(context, gatherNd, (i) => i === 0),
});

export const oneHot: OpDef = defineOp({
  name: 'OneHot',
  since: [9, 11],
  kernelClass: 'host',
  attributes: { axis: -1 },
  infer(context) {
    const indices = requiredType(context, 0, 'indices');
    requiredType(context, 1, 'depth');
    const values = requiredType(context, 2, 'values');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), indices.shape.length + 1);
    const depth = oneNumber(context, 1, 'depth') ?? context.unknownDim(null, 'the value of input 1 (depth)');
    return [{ dtype: values.dtype, shape: [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)] }];
  },
  /** Indices count from the end when negative; one outside gives a row of off values. */
  evaluate(context) {
    const indices = requiredTensor(context, 0, 'indices');
    const type = outputType(context);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), indices.shape.length + 1);
    const depth = type.shape[axis] ?? 1;
    const inner = elementCount(type.shape.slice(axis + 1));
    const chosen = numbersOf(indices);
    // Element 0 of `values` is off, 1 is on.
    const from = new Int32Array(elementCount(type.shape));
    for (let i = 0; i < chosen.length; i++) {
      const given = Math.trunc(chosen[i] ?? 0);
      const index = given < 0 ? given + depth : given;
      if (index >= 0 && index < depth) from[(Math.floor(i / inner) * depth + index) * inner + (i % inner)] = 1;
    }
    return [pick(requiredTensor(context, 2, 'values'), type.shape, from)];
  },
});

/** Positions along the axis where the condition holds; null when they are not known. */
function compressed(condition: Tensor, limit: number): Int32Array {
  const mask = numbersOf(condition);
  const kept: number[] = [];
  for (let i = 0; i < Math.min(mask.length, limit); i++) if (mask[i] !== 0) kept.push(i);
  return Int32Array.from(kept);
}

export const compress: OpDef = defineOp({
  name: 'Compress',
  since: [9, 11],
  kernelClass: 'host',
  attributes: { axis: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const { dtype } = requiredType(context, 1, 'condition');
    if (dtype !== 'bool') misfit(context, `the condition is ${dtype}, not bool`);
    const axis = compressAxis(context, x.shape.length);
    const size = axis === null ? productDim(x.shape) : (x.shape[axis] ?? 1);
    const condition = context.tensor(1);
    const count: Dim =
      condition !== null && typeof size === 'number'
        ? compressed(condition, size).length
        : context.unknownDim(size, 'how many elements of input 1 (condition) are true');
    return [{ dtype: x.dtype, shape: axis === null ? [count] : x.shape.map((d, i) => (i === axis ? count : d)) }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const axis = compressAxis(context, x.shape.length);
    const size = axis === null ? elementCount(x.shape) : (x.shape[axis] ?? 1);
    const kept = compressed(requiredTensor(context, 1, 'condition'), size);
    const inner = axis === null ? 1 : elementCount(x.shape.slice(axis + 1));
    const outer = axis === null ? 1 : elementCount(x.shape.slice(0, axis));
    const from = new Int32Array(outer * kept.length * inner);
    for (let o = 0, n = 0; o < outer; o++) {
      for (let k = 0; k < kept.length; k++) {
        const start = (o * size + (kept[k] ?? 0)) * inner;
        for (let i = 0; i < inner; i++) from[n++] = start + i;
      }
    }
    return [pick(x, type.shape, from)];
  },
});

function compressAxis(context: OpContext, rank: number): number | null {
  return context.node.attributes['axis'] === undefined ? null : normalizeAxis(context, intAttribute(context, 'axis', 0), rank);
}

function nonZeroPositions(x: Tensor): Int32Array {
  const found: number[] = [];
  if (x.dtype === 'string') x.data.forEach((s, i) => s !== '' && found.push(i));
  else if (x.dtype.startsWith('complex')) {
    const { lanes, width } = storedOf(x);
    // Apart from the sign of a zero.
    for (let at = 0; at < lanes.length; at++)
      if (Number(lanes[at]) % 2 ** 31 !== 0 && found.at(-1) !== Math.floor(at / width)) found.push(Math.floor(at / width));
  } else numbersOf(x).forEach((v, i) => v !== 0 && found.push(i));
  return Int32Array.from(found);
}

export const nonZero: OpDef = defineOp({
  name: 'NonZero',
  since: [9, 13],
  kernelClass: 'host',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const known = context.tensor(0);
    const count =
      known !== null ? nonZeroPositions(known).length : context.unknownDim(productDim(x.shape), 'how many elements are not zero');
    // A scalar counts as a vector of one.
    return [{ dtype: 'int64', shape: [Math.max(1, x.shape.length), count] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const positions = nonZeroPositions(x);
    const shape = x.shape.length === 0 ? [1] : x.shape;
    const strides = rowMajorStrides(shape);
    const out = new BigInt64Array(shape.length * positions.length);
    for (let axis = 0, at = 0; axis < shape.length; axis++) {
      for (const p of positions) out[at++] = BigInt(Math.floor(p / (strides[axis] ?? 1)) % (shape[axis] ?? 1));
    }
    return [{ dtype: 'int64', shape: [shape.length, positions.length], data: out }];
  },
});

/** The part of each matrix on and above (upper) or below the k-th diagonal; zero elsewhere. */
export const trilu: OpDef = defineOp({
  name: 'Trilu',
  since: [14],
  kernelClass: 'host',
  attributes: { upper: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    if (x.shape.length < 2) misfit(context, `the input ${printShape(x.shape)} is no matrix`);
    return [x];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const k = numbersOf(context.inputs[1] ?? tensorOf('int64', [], [0]))[0] ?? 0;
    const upper = intAttribute(context, 'upper', 1) !== 0;
    const [rows = 1, columns = 1] = x.shape.slice(-2);
    const from = new Int32Array(elementCount(x.shape));
    for (let i = 0; i < from.length; i++) {
      const distance = (i % columns) - (Math.floor(i / columns) % rows);
      from[i] = (upper ? distance >= k : distance <= k) ? i : -1;
    }
    return [pick(x, x.shape, from)];
  },
});

export const eyeLike: OpDef = defineOp({
  name: 'EyeLike',
  since: [9, 22],
  kernelClass: 'host',
  attributes: { dtype: 'computed', k: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    if (x.shape.length !== 2) misfit(context, `the input ${printShape(x.shape)} is no matrix`);
    const dtype = dtypeAttribute(context, 'dtype') ?? x.dtype;
    if (dtype === 'string') badAttribute(context, 'dtype', 'string', 'a type of numbers');
    return [{ dtype, shape: x.shape }];
  },
  evaluate(context) {
    const type = outputType(context);
    const [rows = 1, columns = 1] = type.shape;
    const k = intAttribute(context, 'k', 0);
    const ones = new Uint8Array(rows * columns);
    for (let r = 0; r < rows; r++) if (r + k >= 0 && r + k < columns) ones[r * columns + r + k] = 1;
    return [tensorOf(type.dtype, type.shape, ones)];
  },
});

/** Distinct elements, or slices along an axis. */
export const unique: OpDef = defineOp({
  name: 'Unique',
  since: [11],
  kernelClass: 'host',
  attributes: { axis: 'computed', sorted: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const axis = compressAxis(context, x.shape.length);
    const size = axis === null ? productDim(x.shape) : (x.shape[axis] ?? 1);
    const count =
      knownUnique(context, axis) ??
      context.unknownDim(size, axis === null ? 'how many elements differ' : `how many slices along axis ${axis} differ`);
    const shape = axis === null ? [count] : x.shape.map((d, i) => (i === axis ? count : d));
    const vector = (length: Dim): { readonly dtype: 'int64'; readonly shape: readonly Dim[] } => ({ dtype: 'int64', shape: [length] });
    return [{ dtype: x.dtype, shape }, vector(count), vector(size), vector(count)];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const axis = compressAxis(context, x.shape.length);
    const { first, inverse, counts } = distinct(x, axis, intAttribute(context, 'sorted', 1) !== 0);
    const indices = (numbers: readonly number[]): Tensor => tensorOf('int64', [numbers.length], numbers);
    const view = slices(x, axis);
    const from = new Int32Array(view.outer * first.length * view.inner);
    for (let o = 0, n = 0; o < view.outer; o++) {
      for (const f of first) for (let i = 0; i < view.inner; i++) from[n++] = (o * view.size + f) * view.inner + i;
    }
    const shape = axis === null ? [first.length] : x.shape.map((d, i) => (i === axis ? first.length : d));
    const all = [pick(x, shape, from), indices(first), indices(inverse), indices(counts)];
    return all.slice(0, Math.max(1, context.node.outputs.length));
  },
});

function knownUnique(context: InferContext, axis: number | null): number | null {
  const x = context.tensor(0);
  return x === null ? null : distinct(x, axis, false).first.length;
}

function slices(x: Tensor, axis: number | null): { readonly outer: number; readonly size: number; readonly inner: number } {
  if (axis === null) return { outer: 1, size: elementCount(x.shape), inner: 1 };
  return { outer: elementCount(x.shape.slice(0, axis)), size: x.shape[axis] ?? 1, inner: elementCount(x.shape.slice(axis + 1)) };
}

interface Distinct {
  /** The first slice of each kind. */
  readonly first: number[];
  /** Which kind each slice is. */
  readonly inverse: number[];
  readonly counts: number[];
}

/** Sorted by value, slices by their elements in order; or by first appearance. */
function distinct(x: Tensor, axis: number | null, sorted: boolean): Distinct {
  const { outer, size, inner } = slices(x, axis);
  const lanes = (
    x.dtype === 'string' || x.data instanceof BigInt64Array || x.data instanceof BigUint64Array ? storedOf(x).lanes : numbersOf(x)
  ) as readonly string[] | ArrayLike<number>;
  const compare = (a: number, b: number): number => {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const p = lanes[(o * size + a) * inner + i] ?? 0;
        const q = lanes[(o * size + b) * inner + i] ?? 0;
        if (p < q) return -1;
        if (p > q) return 1;
      }
    }
    return 0;
  };
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => compare(a, b) || a - b);
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = new Array<number>(size).fill(0);
  for (const [n, i] of order.entries()) {
    const before = order[n - 1];
    if (before === undefined || compare(before, i) !== 0) {
      first.push(i);
      counts.push(0);
    }
    inverse[i] = first.length - 1;
    counts[first.length - 1] = (counts[first.length - 1] ?? 0) + 1;
  }
  if (sorted) return { first, inverse, counts };
  const byPlace = first.map((_, k) => k).sort((a, b) => (first[a] ?? 0) - (first[b] ?? 0));
  const place = new Array<number>(byPlace.length).fill(0);
  byPlace.forEach((k, i) => (place[k] = i));
  return {
    first: byPlace.map((k) => first[k] ?? 0),
    inverse: inverse.map((k) => place[k] ?? 0),
    counts: byPlace.map((k) => counts[k] ?? 0),
  };
}

export const gatherNdOps: readonly OpDef[] = [gatherNd, oneHot, compress, nonZero, trilu, eyeLike, unique];
