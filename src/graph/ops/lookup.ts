/** Ours: what operators that read or write where other numbers say become when the numbers are computed at run time. */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import { numbersOf, pick, put } from './numbers.ts';
import {
  defineOp,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type OpContext,
  type OpDef,
} from './op-def.ts';

/** Element offsets of every element of `extents` in row-major order: its own place by `strides`, and along the axis where its index says; -1 outside. */
function placesOf(
  extents: readonly number[],
  strides: readonly number[],
  axis: number,
  size: number,
  index: ArrayLike<number>,
  indexShape: readonly number[],
): Int32Array {
  const own = rowMajorStrides(extents);
  const chosen = rowMajorStrides(indexShape);
  return Int32Array.from({ length: elementCount(extents) }, (_, flat) => {
    let at = 0;
    let which = 0;
    for (let i = 0; i < extents.length; i++) {
      const position = Math.floor(flat / (own[i] ?? 1)) % (extents[i] ?? 1);
      if (i !== axis) at += position * (strides[i] ?? 0);
      if (indexShape[i] !== 1) which += position * (chosen[i] ?? 0);
    }
    const found = index[which] ?? -1;
    return found < 0 || found >= size ? -1 : at + found * (strides[axis] ?? 0);
  });
}

function checkIndex(context: OpContext, index: readonly unknown[], extents: readonly unknown[], axis: number): void {
  const fits = index.length === extents.length && index.every((d, i) => d === 1 || d === extents[i] || i === axis);
  if (!fits) misfit(context, `an index of rank ${index.length} does not fit ${extents.length} axes`, 'It broadcasts to what is looked up');
}

/** y[e] = data[e, but index[e] along the axis]; 0 where the index is outside of the axis. The index broadcasts along all other axes. */
export const lookup: OpDef = defineOp({
  domain: 'systole',
  name: 'Lookup',
  since: [1],
  kernelClass: 'gather',
  attributes: { axis: 0 },
  infer(context) {
    const data = requiredType(context, 0, 'data');
    const index = requiredType(context, 1, 'index');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), data.shape.length);
    checkIndex(context, index.shape, data.shape, axis);
    return [{ dtype: data.dtype, shape: data.shape.map((d, i) => (i === axis ? (index.shape[i] ?? d) : d)) }];
  },
  evaluate(context) {
    const data = requiredTensor(context, 0, 'data');
    const index = requiredTensor(context, 1, 'index');
    const { shape } = outputType(context);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), shape.length);
    return [pick(data, shape, placesOf(shape, rowMajorStrides(data.shape), axis, data.shape[axis] ?? 0, numbersOf(index), index.shape))];
  },
});

/** data with y[e, but index[e] along the axis] = updates[e], in row-major order; what has an index outside of the axis is dropped. */
export const place: OpDef = defineOp({
  domain: 'systole',
  name: 'Place',
  since: [1],
  kernelClass: 'gather',
  attributes: { axis: 0 },
  infer(context) {
    const data = requiredType(context, 0, 'data');
    const index = requiredType(context, 1, 'index');
    const updates = requiredType(context, 2, 'updates');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), data.shape.length);
    checkIndex(context, index.shape, updates.shape, axis);
    const wide = updates.shape.some((d, i) => i !== axis && typeof d === 'number' && d > Number(data.shape[i]));
    if (wide || updates.dtype !== data.dtype) {
      misfit(context, `updates ${updates.dtype}${printShape(updates.shape)} do not fit into ${data.dtype}${printShape(data.shape)}`);
    }
    return [data];
  },
  evaluate(context) {
    const data = requiredTensor(context, 0, 'data');
    const index = requiredTensor(context, 1, 'index');
    const updates = requiredTensor(context, 2, 'updates');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), data.shape.length);
    const to = placesOf(updates.shape, rowMajorStrides(data.shape), axis, data.shape[axis] ?? 0, numbersOf(index), index.shape);
    const kept = Int32Array.from(to.keys()).filter((i) => (to[i] ?? -1) >= 0);
    return [
      put(
        data,
        to.filter((at) => at >= 0),
        pick(updates, [kept.length], kept),
      ),
    ];
  },
});

export const lookupOps: readonly OpDef[] = [lookup, place];
