/**
 * The values of Resize and Upsample. Every mode but nearest is a weighted sum of neighbours along each axis, so that axes are
 * resized one after the other: weights computed in double of fp32 coordinates and rounded to fp32, products and sums in fp32.
 */
import { clamp, elementCount, integerRange, isFloat, roundHalfEven, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { roundingOf } from './elements.ts';
import { numbersOf, pickAxes, tensorOf, type Numbers } from './numbers.ts';

/** How one axis is resized. */
export interface ResizeAxis {
  readonly input: number;
  readonly output: number;
  /** Output over input size, as the coordinate transformation uses it. */
  readonly scale: number;
  /** Output size before it is rounded down: scale · input, or the wanted size. */
  readonly length: number;
  /** Part of the input that tf_crop_and_resize reads, from 0 to 1. */
  readonly crop: readonly [number, number];
}

export interface ResizeOptions {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  /** `coordinate_transformation_mode` */
  readonly coordinates: string;
  readonly nearestMode: string;
  readonly cubicA: number;
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
  /** What tf_crop_and_resize gives outside the input. */
  readonly extrapolation: number;
}

const f32 = Math.fround;

/**
 * Input coordinate of output position i: the modes of the ONNX specification, each step rounded to fp32. Positions on a boundary depend on
 * that: 3 / f32(0.6) is 5 in fp32, where frameworks have it, and below 5 in double.
 */
function sourceCoordinate(mode: string, i: number, axis: ResizeAxis): number {
  const { scale, input, length } = axis;
  const last = input - 1;
  const halfPixel = (): number => f32(f32((i + 0.5) / scale) - 0.5);
  switch (mode) {
    case 'asymmetric':
      return f32(i / scale);
    case 'align_corners':
      return length === 1 ? 0 : f32(f32(i * last) / f32(length - 1));
    case 'pytorch_half_pixel':
      return length > 1 ? halfPixel() : 0;
    case 'half_pixel_symmetric': {
      const adjustment = f32(Math.floor(length) / f32(scale * input));
      return f32(f32((input / 2) * f32(1 - adjustment)) + halfPixel());
    }
    case 'tf_half_pixel_for_nn':
      return f32((i + 0.5) / scale);
    case 'tf_crop_and_resize': {
      const [from, to] = axis.crop;
      if (length <= 1) return f32(f32(0.5 * f32(from + to)) * last);
      return f32(f32(from * last) + f32(f32(f32(i * f32(to - from)) * last) / f32(length - 1)));
    }
    default:
      return halfPixel();
  }
}

function nearest(mode: string, x: number): number {
  switch (mode) {
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    default:
      return Math.ceil(x - 0.5);
  }
}

/** Keys' cubic convolution kernel (Keys 1981), `a` the slope at 1. */
export function cubicWeight(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * a * x - 4 * a : 0;
}

/** Neighbours of every output position: `count` of each, clamped into the input, with their weights. */
interface Taps {
  readonly count: number;
  readonly index: Int32Array;
  readonly weight: Float64Array;
  /** 1 where tf_crop_and_resize leaves the input. */
  readonly outside: Uint8Array;
}

function tapsOf(axis: ResizeAxis, o: ResizeOptions): Taps {
  // Antialiasing widens the kernel where the image shrinks.
  const stretch = o.antialias ? Math.min(axis.scale, 1) : 1;
  const reach = o.mode === 'cubic' ? 2 : 1;
  const start = Math.floor(-reach / stretch) + 1;
  const count = 2 - 2 * start;
  const index = new Int32Array(axis.output * count);
  const weight = new Float64Array(axis.output * count);
  const outside = new Uint8Array(axis.output);
  for (let i = 0; i < axis.output; i++) {
    const x = sourceCoordinate(o.coordinates, i, axis);
    if (o.coordinates === 'tf_crop_and_resize' && (x < 0 || x > axis.input - 1)) outside[i] = 1;
    // The neighbour before x, also where x is a whole number.
    const base = Math.ceil(x) - 1;
    let total = 0;
    for (let k = 0; k < count; k++) {
      const at = base + start + k;
      const distance = (at - x) * stretch;
      const inside = at >= 0 && at < axis.input;
      const w =
        o.excludeOutside && !inside ? 0 : o.mode === 'cubic' ? cubicWeight(distance, o.cubicA) : Math.max(0, 1 - Math.abs(distance));
      index[i * count + k] = clamp(at, 0, axis.input - 1);
      weight[i * count + k] = w;
      total += w;
    }
    const divisor = (o.antialias || o.excludeOutside) && total !== 0 ? total : 1;
    for (let k = i * count; k < (i + 1) * count; k++) weight[k] = (weight[k] ?? 0) / divisor;
  }
  return { count, index, weight, outside };
}

/** Along one axis, output i is Σ over k of weights[i · taps + k] · (element indices[i · taps + k]). */
export interface AxisSums {
  readonly taps: number;
  readonly indices: readonly number[];
  /** As they are rounded to fp32; empty where the one neighbour is taken as it is. */
  readonly weights: readonly number[];
  /** Outputs that the extrapolation value takes in place of a sum. */
  readonly outside: readonly boolean[];
}

/** Resizes axis after axis, first axes first. */
export interface ResizeSums {
  /** null for an axis that stays as it is. */
  readonly axes: readonly (AxisSums | null)[];
  readonly extrapolation: number;
}

export function axisSums(axes: readonly ResizeAxis[], o: ResizeOptions): readonly (AxisSums | null)[] {
  return axes.map((axis) => {
    if (o.mode === 'nearest') {
      const indices = nearestIndices(axis, o);
      return { taps: 1, indices: indices.map((i) => Math.max(i, 0)), weights: [], outside: indices.map((i) => i < 0) };
    }
    if (isUnchanged(axis, o)) return null;
    const { count: taps, index, weight, outside } = tapsOf(axis, o);
    return { taps, indices: [...index], weights: Array.from(weight, Math.fround), outside: Array.from(outside, (x) => x === 1) };
  });
}

/** An axis that no smooth mode touches. */
function isUnchanged(axis: ResizeAxis, o: ResizeOptions): boolean {
  const whole = o.coordinates !== 'tf_crop_and_resize' || (axis.crop[0] === 0 && axis.crop[1] === 1);
  return axis.output === axis.input && axis.scale === 1 && whole;
}

/** Of each output of an axis the element it takes; -1: none, outside the input. */
function nearestIndices(axis: ResizeAxis, o: ResizeOptions): readonly number[] {
  return Array.from({ length: axis.output }, (_, i) => {
    const source = sourceCoordinate(o.coordinates, i, axis);
    if (o.coordinates === 'tf_crop_and_resize' && (source < 0 || source > axis.input - 1)) return -1;
    return clamp(nearest(o.nearestMode, source), 0, axis.input - 1);
  });
}

/** x resized along every axis to `shape`. Integers are rounded to the nearest, ties to even, and saturate. */
export function resized(x: Tensor, shape: readonly number[], axes: readonly ResizeAxis[], o: ResizeOptions): Tensor {
  return o.mode === 'nearest' ? resizedNearest(x, shape, axes, o) : resizedSmoothly(x, shape, axes, o);
}

function resizedNearest(x: Tensor, shape: readonly number[], axes: readonly ResizeAxis[], o: ResizeOptions): Tensor {
  const strides = rowMajorStrides(x.shape);
  const tables = axes.map((axis, n) => Int32Array.from(nearestIndices(axis, o), (i) => (i < 0 ? -1 : i * (strides[n] ?? 0))));
  const fill = o.coordinates === 'tf_crop_and_resize' ? tensorOf(x.dtype, [], [o.extrapolation]) : null;
  return pickAxes(x, shape, tables, fill);
}

function resizedSmoothly(x: Tensor, shape: readonly number[], axes: readonly ResizeAxis[], o: ResizeOptions): Tensor {
  let values = numbersOf(x);
  const double = x.dtype === 'float64';
  const current = [...x.shape];
  const round = roundingOf(x.dtype);
  for (const [n, axis] of axes.entries()) {
    if (isUnchanged(axis, o)) continue;
    const inner = elementCount(current.slice(n + 1));
    const outer = elementCount(current.slice(0, n));
    const taps = tapsOf(axis, o);
    const next = double ? new Float64Array(outer * axis.output * inner) : new Float32Array(outer * axis.output * inner);
    resizeAxis(values, next, { outer, inner, axis, taps, round, extrapolation: o.extrapolation });
    values = next;
    current[n] = axis.output;
  }
  if (isFloat(x.dtype)) return tensorOf(x.dtype, shape, values);
  const [lo, hi] = x.dtype === 'int64' || x.dtype === 'uint64' ? [-Infinity, Infinity] : integerRange(x.dtype);
  return tensorOf(
    x.dtype,
    shape,
    Float64Array.from(values, (v) => clamp(roundHalfEven(v), lo, hi)),
  );
}

interface AxisPass {
  readonly outer: number;
  readonly inner: number;
  readonly axis: ResizeAxis;
  readonly taps: Taps;
  readonly round: (x: number) => number;
  readonly extrapolation: number;
}

function resizeAxis(values: Numbers, next: Numbers, pass: AxisPass): void {
  const { outer, inner, axis, taps, round, extrapolation } = pass;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < axis.output; i++) {
      const to = (o * axis.output + i) * inner;
      if (taps.outside[i] === 1) {
        next.fill(extrapolation, to, to + inner);
        continue;
      }
      for (let k = i * taps.count; k < (i + 1) * taps.count; k++) {
        const w = round(taps.weight[k] ?? 0);
        if (w === 0) continue;
        const from = (o * axis.input + (taps.index[k] ?? 0)) * inner;
        for (let j = 0; j < inner; j++) next[to + j] = (next[to + j] ?? 0) + round((values[from + j] ?? 0) * w);
      }
    }
  }
}
