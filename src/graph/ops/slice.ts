/** Operators that change the extent of axes: Slice, Pad. */
import { rowMajorStrides } from '../../core/index.ts';
import { addDim, ceilDivDim, minDim, printDim, subDim, type Dim } from '../dim.ts';
import { dimRange } from '../dim-range.ts';
import { listElements, pickedContents, valuesOf } from './contents.ts';
import { asInfer } from './context.ts';
import { pickAxes, straight, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intsAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type Element,
  type InferContext,
  type OpDef,
} from './op-def.ts';

interface SliceAxis {
  readonly axis: number;
  /** null where only the run tells. */
  readonly start: Element;
  readonly size: Dim;
  readonly step: number;
}

/** A list that is an attribute before opset 10 and an input from then on; null where not even its length is known. */
function sliceList(context: InferContext, name: string, index: number): readonly Element[] | null {
  return intsAttribute(context, name) ?? (hasInput(context, index) ? listElements(context, index) : null);
}

/** What each axis keeps; null where only the run tells which axes are cut. */
function sliceAxes(context: InferContext, shape: readonly Dim[]): readonly SliceAxis[] | null {
  const byInput = context.node.attributes['starts'] === undefined;
  if (!byInput && context.node.attributes['ends'] === undefined) badAttribute(context, 'ends', 'left out', 'one end for each start');
  if (byInput) {
    requiredType(context, 1, 'starts');
    requiredType(context, 2, 'ends');
  }
  const starts = sliceList(context, 'starts', 1);
  const ends = sliceList(context, 'ends', 2);
  const stated = context.node.attributes['axes'] !== undefined || (byInput && hasInput(context, 3));
  const listed = stated ? sliceList(context, 'axes', 3) : null;
  const count = starts?.length ?? ends?.length ?? listed?.length;
  if (count === undefined) return null;
  const axes = stated ? listed : Array.from({ length: count }, (_, i) => i);
  const steps = byInput && hasInput(context, 4) ? listElements(context, 4) : new Array<Element>(count).fill(1);
  if ([starts, ends, axes, steps].some((list) => list !== null && list.length !== count)) {
    const length = (list: readonly Element[] | null): string => (list === null ? '?' : String(list.length));
    misfit(context, `${length(starts)} starts, ${length(ends)} ends, ${length(axes)} axes and ${length(steps)} steps do not match`);
  }
  if (axes === null || !axes.every((a) => typeof a === 'number')) return null;
  return axes.map((a, i) => {
    const axis = normalizeAxis(context, a, shape.length, 'axes');
    const step = steps?.[i] ?? null;
    if (step === 0) badAttribute(context, 'steps', '0', 'any other whole number');
    return sliceAxis(context, axis, shape[axis] ?? 1, starts?.[i] ?? null, ends?.[i] ?? null, step);
  });
}

/** Beyond this an end means the whole axis: exporters write the largest int32 or int64. */
const veryFar = 2147483647;

function sliceAxis(context: InferContext, axis: number, size: Dim, from: Element, to: Element, step: Element): SliceAxis {
  if (typeof step !== 'number' || from === null || to === null) return unknownSlice(context, axis, size, from, to, step);
  if (typeof size === 'number' && typeof from === 'number' && typeof to === 'number') {
    const lowest = step > 0 ? 0 : -1;
    const highest = step > 0 ? size : size - 1;
    const fit = (x: number): number => Math.min(highest, Math.max(lowest, x < 0 ? x + size : x));
    const start = Math.max(0, fit(from));
    const count = Math.max(0, Math.ceil((fit(to) - fit(from)) / step));
    return { axis, start, size: count, step };
  }
  // Negative numbers count from the end; of a symbol the sign shows in its expression or it is taken to be a size.
  const place = (x: Dim): Dim => (dimRange(x)[1] < 0 ? addDim(size, x) : x);
  if (step < 0) {
    const first = typeof from === 'number' && from >= veryFar ? subDim(size, 1) : place(from);
    const end = typeof to === 'number' && to <= -veryFar ? -1 : place(to);
    return { axis, start: first, size: ceilDivDim(subDim(first, end), -step), step };
  }
  const start = place(from);
  // An end that is a number may lie beyond an axis of open size; starts and symbolic ends are taken to lie within. Binding tells.
  const wanted = place(to);
  const end = typeof to === 'number' && to >= veryFar ? size : typeof to === 'number' && to >= 0 ? minDim(size, wanted) : wanted;
  const length = subDim(end, start);
  const kept = dimRange(length)[1] <= 0 ? 0 : length;
  return { axis, start, size: step === 1 ? kept : ceilDivDim(kept, step), step };
}

function unknownSlice(context: InferContext, axis: number, size: Dim, from: Element, to: Element, step: Element): SliceAxis {
  if (size === 0) return { axis, start: 0, size: 0, step: 1 };
  const index = from === null ? 1 : to === null ? 2 : 4;
  // One element at least is skipped by a start from 1 on, all behind the end by an end within.
  const upper = typeof to === 'number' && to > 0 && step === 1 && typeof size === 'number' ? Math.min(size, to) : size;
  const name = index === 1 ? 'starts' : index === 2 ? 'ends' : 'steps';
  return { axis, start: null, size: context.unknownDim(upper, valuesOf(index, name)), step: typeof step === 'number' ? step : 1 };
}

export const slice: OpDef = defineOp({
  name: 'Slice',
  since: [1, 10, 11, 13],
  kernelClass: 'move',
  attributes: { starts: 'computed', ends: 'computed', axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const cuts = sliceAxes(context, x.shape);
    if (cuts === null) return [{ dtype: x.dtype, shape: x.shape.map((d) => (d === 0 ? 0 : context.unknownDim(d, valuesOf(3, 'axes')))) }];
    const shape = [...x.shape];
    for (const s of cuts) shape[s.axis] = s.size;
    return [{ dtype: x.dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const type = outputType(context);
    const strides = rowMajorStrides(x.shape);
    const tables = type.shape.map((extent, i) => straight(extent, strides[i] ?? 0));
    for (const s of sliceAxes(asInfer(context), x.shape) ?? []) {
      const stride = strides[s.axis] ?? 0;
      tables[s.axis] = Int32Array.from({ length: type.shape[s.axis] ?? 0 }, (_, i) => (Number(s.start) + i * s.step) * stride);
    }
    return [pickAxes(x, type.shape, tables)];
  },
  contents: (context) => pickedContents(context, slice, (i) => i === 0),
});

/**
 * Begin and end padding of each axis, null where only the run tells: an attribute before opset 11, an input (perhaps of chosen
 * axes) from then on.
 */
function padsOf(context: InferContext, rank: number): readonly (readonly [Element, Element])[] {
  const stated = intsAttribute(context, 'pads');
  if (stated === null) requiredType(context, 1, 'pads');
  const given = stated ?? listElements(context, 1);
  const axes: readonly Element[] | null = hasInput(context, 3) ? listElements(context, 3) : Array.from({ length: rank }, (_, i) => i);
  if (given !== null && axes !== null && given.length !== 2 * axes.length)
    misfit(context, `${given.length} pads for ${axes.length} axes`, 'Each axis needs a begin and an end');
  if (axes === null || !axes.every((a) => typeof a === 'number')) return Array.from({ length: rank }, () => [null, null]);
  const pads = Array.from({ length: rank }, (): readonly [Element, Element] => [0, 0]);
  axes.forEach((a, i) => {
    pads[normalizeAxis(context, a, rank, 'axes')] = [given?.[i] ?? null, given?.[i + axes.length] ?? null];
  });
  return pads;
}

/** Where padded position i of an axis of `size` reads from; -1 for the constant. */
function padSource(mode: string, i: number, size: number): number {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case 'edge':
      return i < 0 ? 0 : size - 1;
    case 'wrap':
      return ((i % size) + size) % size;
    case 'reflect': {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const k = ((i % period) + period) % period;
      return k < size ? k : period - k;
    }
    default:
      return -1;
  }
}

export const pad: OpDef = defineOp({
  name: 'Pad',
  since: [1, 2, 11, 13, 18, 19, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { mode: 'constant', pads: 'computed', value: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const mode = stringAttribute(context, 'mode', 'constant');
    if (!['constant', 'edge', 'reflect', 'wrap'].includes(mode))
      badAttribute(context, 'mode', `"${mode}"`, 'constant, edge, reflect, wrap');
    const fill = context.inputs[2] ?? null;
    if (fill !== null && fill.dtype !== x.dtype) misfit(context, `the data are ${x.dtype}, the constant is ${fill.dtype}`);
    const shape = padsOf(context, x.shape.length).map(([begin, end], i) =>
      begin === null || end === null ? context.unknownDim(null, valuesOf(1, 'pads')) : addDim(addDim(x.shape[i] ?? 1, begin), end),
    );
    const negative = shape.find((d) => typeof d === 'number' && d < 0);
    if (negative !== undefined) misfit(context, `the pads cut ${printShape(x.shape)} down to ${printDim(negative)}`);
    return [{ dtype: x.dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const type = outputType(context);
    const mode = stringAttribute(context, 'mode', 'constant');
    const strides = rowMajorStrides(x.shape);
    const tables = padsOf(asInfer(context), x.shape.length).map(([begin], axis) =>
      Int32Array.from({ length: type.shape[axis] ?? 0 }, (_, i) => {
        const from = padSource(mode, i - Number(begin), x.shape[axis] ?? 1);
        return from < 0 ? -1 : from * (strides[axis] ?? 0);
      }),
    );
    const given = context.inputs[2] ?? null;
    const fill =
      given ??
      (x.dtype === 'string' || x.dtype.startsWith('complex') ? null : tensorOf(x.dtype, [], [floatAttribute(context, 'value', 0)]));
    return [pickAxes(x, type.shape, tables, fill)];
  },
  // Zeros that no input gives have no position.
  contents: (context) => (hasInput(context, 2) ? pickedContents(context, pad, (i) => i === 0 || i === 2) : null),
});
