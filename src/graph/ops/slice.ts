/** Operators that change the extent of axes: Slice, Pad. */
import { rowMajorStrides } from '../../core/index.ts';
import { addDim, floorDivDim, printDim, subDim, type Dim } from '../dim.ts';
import { asInfer } from './context.ts';
import { pickAxes, straight, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intsAttribute,
  knownDims,
  knownInts,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type InferContext,
  type OpDef,
} from './op-def.ts';

interface SliceAxis {
  readonly axis: number;
  readonly start: Dim;
  readonly size: Dim;
  readonly step: number;
}

/** Starts, ends, axes, steps: attributes before opset 10, inputs from then on. Ends may be symbolic where steps are 1. */
function sliceAxes(context: InferContext, shape: readonly Dim[]): readonly SliceAxis[] {
  const byInput = context.node.attributes['starts'] === undefined;
  const starts = byInput ? knownDims(context, 1, 'starts') : (intsAttribute(context, 'starts') ?? []);
  const ends = byInput ? knownDims(context, 2, 'ends') : (intsAttribute(context, 'ends') ?? []);
  const axes =
    (byInput ? (hasInput(context, 3) ? knownInts(context, 3, 'axes') : null) : intsAttribute(context, 'axes')) ?? starts.map((_, i) => i);
  const steps = byInput && hasInput(context, 4) ? knownInts(context, 4, 'steps') : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    misfit(context, `${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps do not match`);
  }
  return starts.map((from, i) => {
    const axis = normalizeAxis(context, axes[i] ?? 0, shape.length, 'axes');
    const size = shape[axis] ?? 1;
    const step = steps[i] ?? 1;
    if (step === 0) badAttribute(context, 'steps', '0', 'any other whole number');
    return sliceAxis(axis, size, from, ends[i] ?? 0, step);
  });
}

function sliceAxis(axis: number, size: Dim, from: Dim, to: Dim, step: number): SliceAxis {
  if (typeof size === 'number' && typeof from === 'number' && typeof to === 'number') {
    const lowest = step > 0 ? 0 : -1;
    const highest = step > 0 ? size : size - 1;
    const fit = (x: number): number => Math.min(highest, Math.max(lowest, x < 0 ? x + size : x));
    const start = fit(from);
    const count = Math.max(0, Math.ceil((fit(to) - start) / step));
    return { axis, start, size: count, step };
  }
  // Symbolic: an end beyond 2^31 means the whole axis; negative numbers count from the end. Assumed in range; binding checks.
  const place = (x: Dim): Dim => (typeof x !== 'number' ? x : x >= 2147483647 ? size : x < 0 ? addDim(size, x) : x);
  const start = place(from);
  if (step < 0) return { axis, start, size: typeof to === 'number' && to < -2147483647 ? floorDivDim(size, -step) : size, step };
  return { axis, start, size: step === 1 ? subDim(place(to), start) : floorDivDim(addDim(subDim(place(to), start), step - 1), step), step };
}

export const slice: OpDef = defineOp({
  name: 'Slice',
  since: [1, 10, 11, 13],
  kernelClass: 'move',
  attributes: { starts: 'computed', ends: 'computed', axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const shape = [...x.shape];
    for (const s of sliceAxes(context, x.shape)) shape[s.axis] = s.size;
    return [{ dtype: x.dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const type = outputType(context);
    const strides = rowMajorStrides(x.shape);
    const tables = type.shape.map((extent, i) => straight(extent, strides[i] ?? 0));
    for (const s of sliceAxes(asInfer(context), x.shape)) {
      const stride = strides[s.axis] ?? 0;
      tables[s.axis] = Int32Array.from({ length: type.shape[s.axis] ?? 0 }, (_, i) => (Number(s.start) + i * s.step) * stride);
    }
    return [pickAxes(x, type.shape, tables)];
  },
  contents(context) {
    const x = context.dims(0);
    const [s] = x === null ? [] : sliceAxes(context, [x.length]);
    if (x === null || s === undefined || typeof s.start !== 'number' || typeof s.size !== 'number') return null;
    const start = s.start;
    return Array.from({ length: s.size }, (_, i) => x[start + i * s.step] ?? 0);
  },
});

/** Begin and end padding of each axis: an attribute before opset 11, an input (perhaps of chosen axes) from then on. */
function padsOf(context: InferContext, rank: number): readonly (readonly [Dim, Dim])[] {
  const given = intsAttribute(context, 'pads') ?? knownDims(context, 1, 'pads');
  const axes = hasInput(context, 3) ? knownInts(context, 3, 'axes').map((a) => normalizeAxis(context, a, rank, 'axes')) : null;
  const chosen = axes ?? Array.from({ length: rank }, (_, i) => i);
  if (given.length !== 2 * chosen.length)
    misfit(context, `${given.length} pads for ${chosen.length} axes`, 'Each axis needs a begin and an end');
  const pads = Array.from({ length: rank }, (): readonly [Dim, Dim] => [0, 0]);
  chosen.forEach((axis, i) => {
    pads[axis] = [given[i] ?? 0, given[i + chosen.length] ?? 0];
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
    const shape = padsOf(context, x.shape.length).map(([begin, end], i) => addDim(addDim(x.shape[i] ?? 1, begin), end));
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
    const fill = given ?? (x.dtype === 'string' ? null : tensorOf(x.dtype, [], [floatAttribute(context, 'value', 0)]));
    return [pickAxes(x, type.shape, tables, fill)];
  },
});
