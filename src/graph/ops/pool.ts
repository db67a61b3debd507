import { elementCount, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { allocate, floatsOf, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  intsAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { readConcreteWindow, readWindow, windowOutput } from './window.ts';

export const windowAttributes: Readonly<Record<string, AttributeDefault>> = {
  auto_pad: 'NOTSET',
  ceil_mode: 0,
  dilations: 'computed',
  kernel_shape: 'required',
  pads: 'computed',
  strides: 'computed',
};

export const maxPool: OpDef = defineOp({
  name: 'MaxPool',
  since: [1, 8, 10, 11, 12, 22],
  kernelClass: 'window',
  attributes: { ...windowAttributes, storage_order: 0 },
  infer(context) {
    const type = poolType(context);
    return [type, { dtype: 'int64', shape: type.shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const plan = poolPlan(context, x.shape, type.shape);
    const source = numbersOf(x);
    const out = emptyOf(source, elementCount(type.shape));
    const positions = context.outputs.length > 1 ? new Float64Array(out.length) : null;
    maxOverWindows(plan, source, out, positions);
    const values =
      x.data.constructor === out.constructor ? { dtype: x.dtype, shape: type.shape, data: out } : tensorOf(x.dtype, type.shape, out);
    if (positions === null) return [values];
    if (intAttribute(context, 'storage_order', 0) === 1) toColumnMajor(positions, x.shape);
    return [values, tensorOf('int64', type.shape, positions)];
  },
});

export const averagePool: OpDef = defineOp({
  name: 'AveragePool',
  since: [1, 7, 10, 11, 19, 22],
  kernelClass: 'window',
  attributes: { ...windowAttributes, count_include_pad: 0 },
  infer: (context) => [poolType(context)],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const plan = poolPlan(context, x.shape, type.shape);
    const out = allocate(x.dtype === 'float64' ? 'float64' : 'float32', elementCount(type.shape));
    sumOverWindows(plan, x.dtype === 'float64' ? numbersOf(x) : floatsOf(x), 0, (sum, count, at) => {
      out[at] = sum / count;
    });
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const globalAveragePool: OpDef = defineOp({
  name: 'GlobalAveragePool',
  since: [1, 22],
  kernelClass: 'window',
  infer: (context) => [globalType(context)],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const plan = globalPlan(x.shape);
    const out = allocate(x.dtype === 'float64' ? 'float64' : 'float32', elementCount(type.shape));
    sumOverWindows(plan, x.dtype === 'float64' ? numbersOf(x) : floatsOf(x), 0, (sum, count, at) => {
      out[at] = sum / count;
    });
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const globalMaxPool: OpDef = defineOp({
  name: 'GlobalMaxPool',
  since: [1, 22],
  kernelClass: 'window',
  infer: (context) => [globalType(context)],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const source = numbersOf(x);
    const out = emptyOf(source, elementCount(type.shape));
    maxOverWindows(globalPlan(x.shape), source, out, null);
    return [tensorOf(x.dtype, type.shape, out)];
  },
});

export function poolType(context: InferContext): TensorType {
  const x = requiredType(context, 0, 'X');
  const kernel = kernelOf(context);
  if (x.shape.length !== kernel.length + 2 || kernel.length > 3) {
    misfit(
      context,
      `the input ${printShape(x.shape)} does not have batch, channels and the ${kernel.length} spatial axes of kernel_shape [${kernel.join(', ')}]`,
    );
  }
  const window = readWindow(context, kernel, x.shape.slice(2));
  const rounding = intAttribute(context, 'ceil_mode', 0) === 0 ? 'floor' : 'ceil-inside';
  const spatial = x.shape.slice(2).map((size, i) => windowOutput(context, window, i, size, rounding));
  return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...spatial] };
}

function kernelOf(context: OpContext): readonly number[] {
  const kernel = intsAttribute(context, 'kernel_shape');
  return kernel ?? badAttribute(context, 'kernel_shape', 'missing', 'the window size, one number for each spatial axis');
}

export function globalType(context: InferContext): TensorType {
  const x = requiredType(context, 0, 'X');
  if (x.shape.length < 2) misfit(context, `the input ${printShape(x.shape)} has no channels`);
  return { dtype: x.dtype, shape: x.shape.map((d: Dim, i) => (i < 2 ? d : 1)) };
}

/** The windows along one axis: taps of output o are first[o] + i · step, 0 <= i < valid[o], all inside the input. */
interface AxisTaps {
  readonly first: Int32Array;
  readonly valid: Int32Array;
  /** Taps that count in an average's divisor. */
  readonly counted: Int32Array;
  readonly step: number;
}

/** Pooling over `planes` images of three spatial axes. */
export interface PoolPlan {
  readonly planes: number;
  readonly input: readonly [number, number, number];
  readonly axes: readonly [AxisTaps, AxisTaps, AxisTaps];
}

const single: AxisTaps = { first: Int32Array.of(0), valid: Int32Array.of(1), counted: Int32Array.of(1), step: 1 };

/** Windows of MaxPool and AveragePool over an input of numeric shape. */
export function poolPlan(context: OpContext, x: readonly number[], out: readonly number[]): PoolPlan {
  const spatial = x.slice(2);
  const window = readConcreteWindow(context, kernelOf(context), spatial);
  const includePad = intAttribute(context, 'count_include_pad', 0) !== 0;
  const axes = spatial.map((size, i): AxisTaps => {
    const step = window.dilations[i] ?? 1;
    const kernel = window.kernel[i] ?? 1;
    const pad = window.padBegin[i] ?? 0;
    const end = size + (window.padEnd[i] ?? 0);
    const stride = window.strides[i] ?? 1;
    const count = out[i + 2] ?? 0;
    const first = new Int32Array(count);
    const valid = new Int32Array(count);
    const counted = new Int32Array(count);
    for (let o = 0; o < count; o++) {
      const start = o * stride - pad;
      const skip = start < 0 ? Math.ceil(-start / step) : 0;
      const reach = (limit: number): number => Math.max(0, Math.min(kernel, Math.ceil((limit - start) / step)));
      first[o] = start + skip * step;
      valid[o] = Math.max(0, reach(size) - skip);
      counted[o] = includePad ? reach(end) : Math.max(0, reach(size) - skip);
    }
    return { first, valid, counted, step };
  });
  return plan(x, axes);
}

/** One window over all of each plane. */
export function globalPlan(x: readonly number[]): PoolPlan {
  return plan(
    x,
    x.slice(2).map((size) => ({ first: Int32Array.of(0), valid: Int32Array.of(size), counted: Int32Array.of(size), step: 1 })),
  );
}

function plan(x: readonly number[], axes: readonly AxisTaps[]): PoolPlan {
  // More than three spatial axes only occur in global pooling, whose last axes can be taken as one: it sees them all.
  const sizes = x.slice(2);
  const joined = sizes.length > 3 ? [...sizes.slice(0, 2), elementCount(sizes.slice(2))] : sizes;
  const taps =
    sizes.length > 3
      ? [
          ...axes.slice(0, 2),
          { first: Int32Array.of(0), valid: Int32Array.of(joined[2] ?? 1), counted: Int32Array.of(joined[2] ?? 1), step: 1 },
        ]
      : axes;
  const [a = 1, b = 1, c = 1] = [...new Array<number>(3 - joined.length).fill(1), ...joined];
  const [d = single, e = single, f = single] = [...new Array<AxisTaps>(3 - joined.length).fill(single), ...taps];
  return { planes: elementCount(x.slice(0, 2)), input: [a, b, c], axes: [d, e, f] };
}

/** The maximum of each window, NaN where a tap is NaN; `positions` gets the flat input index of the first maximum. */
export function maxOverWindows(p: PoolPlan, x: Numbers, out: Numbers, positions: Float64Array | null): void {
  const lowest = x instanceof Float32Array || x instanceof Float64Array ? -Infinity : lowestOf(x);
  forEachWindow(p, (start, at, rows, columns, depths) => {
    let best = lowest;
    let where = start;
    for (let d = 0; d < depths.count; d++) {
      for (let r = 0; r < rows.count; r++) {
        let from = start + d * depths.stride + r * rows.stride;
        for (let c = 0; c < columns.count; c++, from += columns.stride) {
          const v = x[from] ?? 0;
          if (v > best || v !== v) {
            best = v;
            where = from;
          } else if (v === 0 && best === 0) best += v; // +0 is above −0, as in every maximum
        }
      }
    }
    out[at] = best;
    if (positions !== null) positions[at] = where;
  });
}

/**
 * Calls `use` with the sum of (x - zero) over each window and the divisor of its average. Sums of floats are rounded to fp32
 * after every tap, rows then columns; sums of integers are exact.
 */
export function sumOverWindows(p: PoolPlan, x: Numbers, zero: number, use: (sum: number, count: number, at: number) => void): void {
  const isFloat = x instanceof Float32Array;
  forEachWindow(p, (start, at, rows, columns, depths, count) => {
    let sum = 0;
    for (let d = 0; d < depths.count; d++) {
      for (let r = 0; r < rows.count; r++) {
        let from = start + d * depths.stride + r * rows.stride;
        if (isFloat) for (let c = 0; c < columns.count; c++, from += columns.stride) sum = Math.fround(sum + (x[from] ?? 0));
        else for (let c = 0; c < columns.count; c++, from += columns.stride) sum += (x[from] ?? 0) - zero;
      }
    }
    use(sum, count, at);
  });
}

interface Run {
  count: number;
  stride: number;
}

function forEachWindow(
  p: PoolPlan,
  visit: (start: number, at: number, rows: Run, columns: Run, depths: Run, counted: number) => void,
): void {
  const [id, ih, iw] = p.input;
  const [depth, height, width] = p.axes;
  const depths: Run = { count: 0, stride: depth.step * ih * iw };
  const rows: Run = { count: 0, stride: height.step * iw };
  const columns: Run = { count: 0, stride: width.step };
  let at = 0;
  for (let plane = 0; plane < p.planes; plane++) {
    const base = plane * id * ih * iw;
    for (let od = 0; od < depth.first.length; od++) {
      depths.count = depth.valid[od] ?? 0;
      for (let oh = 0; oh < height.first.length; oh++) {
        rows.count = height.valid[oh] ?? 0;
        const line = base + ((depth.first[od] ?? 0) * ih + (height.first[oh] ?? 0)) * iw;
        const counted = (depth.counted[od] ?? 0) * (height.counted[oh] ?? 0);
        for (let ow = 0; ow < width.first.length; ow++, at++) {
          columns.count = width.valid[ow] ?? 0;
          visit(line + (width.first[ow] ?? 0), at, rows, columns, depths, counted * (width.counted[ow] ?? 0));
        }
      }
    }
  }
}

function lowestOf(x: Numbers): number {
  if (x instanceof Int8Array) return -128;
  if (x instanceof Int16Array) return -32768;
  if (x instanceof Int32Array) return -2147483648;
  return 0;
}

function emptyOf(x: Numbers, count: number): Numbers {
  if (x instanceof Float32Array) return new Float32Array(count);
  if (x instanceof Int8Array) return new Int8Array(count);
  if (x instanceof Uint8Array) return new Uint8Array(count);
  if (x instanceof Int16Array) return new Int16Array(count);
  if (x instanceof Uint16Array) return new Uint16Array(count);
  if (x instanceof Int32Array) return new Int32Array(count);
  if (x instanceof Uint32Array) return new Uint32Array(count);
  return new Float64Array(count);
}

/** Row-major flat indices -> column-major within each image (storage_order 1). */
function toColumnMajor(positions: Float64Array, shape: readonly number[]): void {
  const spatial = shape.slice(2);
  const size = elementCount(spatial);
  for (let i = 0; i < positions.length; i++) {
    const flat = positions[i] ?? 0;
    let rest = flat % size;
    let result = 0;
    for (let axis = spatial.length - 1; axis >= 0; axis--) {
      const extent = spatial[axis] ?? 1;
      const index = rest % extent;
      rest = Math.floor(rest / extent);
      result += index * elementCount(spatial.slice(0, axis));
    }
    positions[i] = flat - (flat % size) + result;
  }
}

/** The windows of AveragePool or GlobalAveragePool over a tensor. */
export function planOf(context: EvaluateContext, x: Tensor): PoolPlan {
  return context.node.op === 'GlobalAveragePool' ? globalPlan(x.shape) : poolPlan(context, x.shape, outputType(context).shape);
}
