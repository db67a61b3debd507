/** Operators that write elements where other numbers say: ScatterElements, ScatterND, Scatter, TensorScatter. */
import { elementCount, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { type Dim } from '../dim.ts';
import { pickedContents } from './contents.ts';
import { numbersOf, put, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type ContentsContext,
  type Element,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

/** How an update joins what is there. */
type Reduction = 'none' | 'add' | 'mul' | 'max' | 'min';

function reductionOf(context: OpContext): Reduction {
  const given = stringAttribute(context, 'reduction', 'none');
  switch (given) {
    case 'none':
    case 'add':
    case 'mul':
    case 'max':
    case 'min':
      return given;
    default:
      return badAttribute(context, 'reduction', `"${given}"`, 'none, add, mul, max, min');
  }
}

function checkUpdates(context: InferContext): void {
  const data = requiredType(context, 0, 'data');
  const updates = requiredType(context, 2, 'updates');
  if (updates.dtype !== data.dtype)
    misfit(context, `the data are ${data.dtype}, the updates ${updates.dtype}`, 'Both must have one element type');
  reductionOf(context);
}

/** data with updates[i] written to, or joined with, element to[i], in order. */
function scattered(context: EvaluateContext, to: Int32Array): Tensor {
  const data = requiredTensor(context, 0, 'data');
  const updates = requiredTensor(context, 2, 'updates');
  const reduction = reductionOf(context);
  if (reduction === 'none' || data.dtype === 'string') return put(data, to, updates);
  const source = numbersOf(updates);
  // A tensor may show its own array, which must stay as it is.
  const out = numbersOf(data).slice();
  for (let i = 0; i < to.length; i++) join(out, to[i] ?? 0, source[i] ?? 0, reduction);
  return tensorOf(data.dtype, data.shape, out);
}

function join(out: Numbers, at: number, x: number, reduction: Reduction): void {
  const old = out[at] ?? 0;
  switch (reduction) {
    case 'add':
      out[at] = old + x;
      return;
    case 'mul':
      out[at] = old * x;
      return;
    case 'max':
      out[at] = x > old || x !== x ? x : old;
      return;
    case 'min':
      out[at] = x < old || x !== x ? x : old;
      return;
    case 'none':
      out[at] = x;
  }
}

/** Flat element of `data` that each index names: the index's own place, but along `axis`. */
function alongAxis(context: EvaluateContext): Int32Array {
  const data = requiredTensor(context, 0, 'data');
  const indices = requiredTensor(context, 1, 'indices');
  const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), data.shape.length);
  const size = data.shape[axis] ?? 1;
  const strides = rowMajorStrides(data.shape);
  const own = rowMajorStrides(indices.shape);
  const chosen = numbersOf(indices);
  const to = new Int32Array(chosen.length);
  for (let flat = 0; flat < to.length; flat++) {
    const given = chosen[flat] ?? 0;
    const index = given < 0 ? given + size : given;
    if (index < 0 || index >= size) misfit(context, `index ${given} is outside axis ${axis} of ${size}`);
    let at = index * (strides[axis] ?? 1);
    for (let i = 0; i < own.length; i++) {
      if (i !== axis) at += (Math.floor(flat / (own[i] ?? 1)) % (indices.shape[i] ?? 1)) * (strides[i] ?? 0);
    }
    to[flat] = at;
  }
  return to;
}

function scatterElementsOp(name: 'Scatter' | 'ScatterElements', since: readonly number[]): OpDef {
  return defineOp({
    name,
    since,
    kernelClass: 'host',
    attributes: name === 'Scatter' ? { axis: 0 } : { axis: 0, reduction: 'none' },
    infer(context) {
      const data = requiredType(context, 0, 'data');
      const indices = requiredType(context, 1, 'indices');
      checkUpdates(context);
      normalizeAxis(context, intAttribute(context, 'axis', 0), data.shape.length);
      if (indices.shape.length !== data.shape.length) {
        misfit(context, `the indices ${printShape(indices.shape)} and the data ${printShape(data.shape)} differ in rank`);
      }
      return [data];
    },
    evaluate: (context) => [scattered(context, alongAxis(context))],
    contents: (context) => placedContents(context, { evaluate: (c) => [scattered(c, alongAxis(c))] }),
  });
}

export const scatterNd: OpDef = defineOp({
  name: 'ScatterND',
  since: [11, 13, 16, 18],
  kernelClass: 'host',
  attributes: { reduction: 'none' },
  infer(context) {
    const data = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    checkUpdates(context);
    const depth = indices.shape.at(-1);
    if (typeof depth === 'number' && depth > data.shape.length) {
      misfit(context, `indices of ${depth} numbers each point into ${printShape(data.shape)}, which has ${data.shape.length} axes`);
    }
    return [data];
  },
  evaluate(context) {
    const data = requiredTensor(context, 0, 'data');
    const starts = tupleStarts(context, requiredTensor(context, 1, 'indices'), data.shape, 0);
    const run = elementCount(data.shape.slice(starts.depth));
    const to = new Int32Array(starts.at.length * run);
    for (let i = 0; i < starts.at.length; i++) {
      for (let k = 0; k < run; k++) to[i * run + k] = (starts.at[i] ?? 0) + k;
    }
    return [scattered(context, to)];
  },
  contents: (context) => placedContents(context, scatterNd),
});

/** Updates that replace elements pick from data and updates; those that are added to them do not. */
function placedContents(context: ContentsContext, def: Pick<OpDef, 'evaluate'>): readonly Element[] | null {
  if (stringAttribute(context, 'reduction', 'none') !== 'none') return null;
  return pickedContents(context, def, (i) => i !== 1);
}

/**
 * Where the slices start that index tuples (the last axis of `indices`) name, in elements of `shape` counted from its axis `skip` on.
 * Coded errors for indices outside.
 */
export function tupleStarts(
  context: EvaluateContext,
  indices: Tensor,
  shape: readonly number[],
  skip: number,
): { readonly at: Int32Array; readonly depth: number } {
  const depth = indices.shape.at(-1) ?? 1;
  const strides = rowMajorStrides(shape);
  const numbers = numbersOf(indices);
  const count = depth === 0 ? elementCount(indices.shape.slice(0, -1)) : numbers.length / depth;
  const at = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    let start = 0;
    for (let k = 0; k < depth; k++) {
      const given = numbers[i * depth + k] ?? 0;
      const size = shape[skip + k] ?? 1;
      const index = given < 0 ? given + size : given;
      if (index < 0 || index >= size) misfit(context, `index ${given} is outside axis ${skip + k} of ${size}`);
      start += index * (strides[skip + k] ?? 0);
    }
    at[i] = start;
  }
  return { at, depth };
}

/** Writes new entries of a key or value cache at each batch's own position, perhaps around the end. */
export const tensorScatter: OpDef = defineOp({
  name: 'TensorScatter',
  since: [24],
  kernelClass: 'host',
  attributes: { axis: -2, mode: 'linear' },
  infer(context) {
    const cache = requiredType(context, 0, 'past_cache');
    const update = requiredType(context, 1, 'update');
    if (update.dtype !== cache.dtype) misfit(context, `the cache is ${cache.dtype}, the update ${update.dtype}`);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -2), cache.shape.length);
    if (axis === 0) badAttribute(context, 'axis', '0', 'any axis but the first, which is the batch');
    const mode = stringAttribute(context, 'mode', 'linear');
    if (mode !== 'linear' && mode !== 'circular') badAttribute(context, 'mode', `"${mode}"`, 'linear, circular');
    const fits = (d: Dim, i: number): boolean => {
      const u = update.shape[i];
      return typeof d !== 'number' || typeof u !== 'number' || (i === axis ? u <= d : u === d);
    };
    if (update.shape.length !== cache.shape.length || !cache.shape.every(fits)) {
      misfit(context, `the update ${printShape(update.shape)} does not fit into the cache ${printShape(cache.shape)} along axis ${axis}`);
    }
    return [cache];
  },
  evaluate(context) {
    const cache = requiredTensor(context, 0, 'past_cache');
    const update = requiredTensor(context, 1, 'update');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -2), cache.shape.length);
    const circular = stringAttribute(context, 'mode', 'linear') === 'circular';
    const positions = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'write_indices')) : null;
    const [size = 1, length = 1] = [cache.shape[axis], update.shape[axis]];
    const inner = elementCount(cache.shape.slice(axis + 1));
    const outer = elementCount(cache.shape.slice(0, axis));
    const perBatch = outer / Math.max(1, cache.shape[0] ?? 1);
    const to = new Int32Array(outer * length * inner);
    let n = 0;
    for (let o = 0; o < outer; o++) {
      const start = positions?.[Math.floor(o / perBatch)] ?? 0;
      if (!circular && start + length > size) misfit(context, `${length} entries from position ${start} on leave the cache of ${size}`);
      for (let s = 0; s < length; s++) {
        const row = (o * size + ((start + s) % size)) * inner;
        for (let i = 0; i < inner; i++) to[n++] = row + i;
      }
    }
    return [put(cache, to, update)];
  },
});

export const scatterOps: readonly OpDef[] = [
  scatterElementsOp('Scatter', [9, 11]),
  scatterElementsOp('ScatterElements', [11, 13, 16, 18]),
  scatterNd,
  tensorScatter,
];
