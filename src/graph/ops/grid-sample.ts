/** Sampling an image at computed positions: GridSample, AffineGrid, and the bilinear samples of DeformConv and RoiAlign. */
import { clamp, elementCount, roundHalfEven, type Tensor } from '../../core/index.ts';
import { type Dim } from '../dim.ts';
import { allocate, floatsOf, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { roundingOf } from './elements.ts';

type Padding = 'zeros' | 'border' | 'reflection';

interface Sampling {
  readonly mode: 'linear' | 'nearest' | 'cubic';
  readonly padding: Padding;
  readonly alignCorners: boolean;
}

/** Opset 16 wrote bilinear and bicubic. */
function samplingOf(context: OpContext): Sampling {
  const given = stringAttribute(context, 'mode', 'linear');
  const mode = given === 'bilinear' ? 'linear' : given === 'bicubic' ? 'cubic' : given;
  const padding = stringAttribute(context, 'padding_mode', 'zeros');
  if (mode !== 'linear' && mode !== 'nearest' && mode !== 'cubic')
    return badAttribute(context, 'mode', `"${given}"`, 'linear, nearest, cubic');
  if (padding !== 'zeros' && padding !== 'border' && padding !== 'reflection') {
    return badAttribute(context, 'padding_mode', `"${padding}"`, 'zeros, border, reflection');
  }
  return { mode, padding, alignCorners: intAttribute(context, 'align_corners', 0) !== 0 };
}

const fround = Math.fround;

/** Mirrored at both borders until it lies between them; every step in fp32. */
function reflect(x: number, low: number, high: number): number {
  const range = high - low;
  if (range <= 0) return low;
  const distance = x < low ? fround(low - x) : x > high ? fround(x - high) : 0;
  if (distance === 0) return x;
  const turns = Math.floor(fround(distance / range));
  const rest = fround(distance - fround(turns * range));
  return fround((turns % 2 === 0) === x < low ? low + rest : high - rest);
}

/** Keys' kernel with slope -3/4 at 1, in fp32, for the tap `k` from -1 to 2 at a fraction behind tap 0. */
function cubicTap(fraction: number, k: number): number {
  const x = fround(Math.abs(fround(fraction - k)));
  if (k === 0 || k === 1) return fround(fround(fround(fround(fround(1.25 * x) - 2.25) * x) * x) + 1);
  return fround(fround(fround(fround(fround(fround(x - 5) * x) + 8) * -0.75) * x) + 3);
}

/** Neighbours of one coordinate along one axis: indices (-1 outside, where the image is 0) and weights. */
interface AxisSample {
  readonly index: Int32Array;
  readonly weight: Float32Array;
}

function sampleAxis(normalized: number, size: number, s: Sampling, out: AxisSample): void {
  const [low, high] = s.alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
  const shifted = fround(normalized + 1);
  let x = s.alignCorners ? fround((shifted / 2) * (size - 1)) : fround(fround(shifted * size) - 1) / 2;
  if (s.mode === 'nearest') x = roundHalfEven(x);
  if (x < low || x > high) {
    // A cubic beyond the border still leans on what lies within: its taps stop there, not the position (as PyTorch and ONNX Runtime 1.30 have it).
    if (s.padding === 'border') x = s.mode === 'cubic' ? x : clamp(x, 0, size - 1);
    else if (s.padding === 'reflection') x = reflect(x, low, high);
  }
  const place = (i: number): number => {
    if (i >= 0 && i < size) return i;
    if (s.padding === 'zeros' || i !== i) return -1;
    return s.padding === 'border' ? clamp(i, 0, size - 1) : clamp(Math.trunc(reflect(i, low, high)), 0, size - 1);
  };
  if (s.mode === 'nearest') {
    out.index[0] = place(x);
    out.weight[0] = 1;
    return;
  }
  const base = Math.floor(x);
  const fraction = fround(x - base);
  if (s.mode === 'linear') {
    out.index[0] = place(base);
    out.index[1] = place(base + 1);
    out.weight[0] = 1 - fraction;
    out.weight[1] = fraction;
    return;
  }
  for (let k = -1; k <= 2; k++) {
    out.index[k + 1] = place(base + k);
    out.weight[k + 1] = cubicTap(fraction, k);
  }
}

export const gridSample: OpDef = defineOp({
  name: 'GridSample',
  since: [16, 20, 22],
  kernelClass: 'host',
  attributes: { align_corners: 0, mode: 'linear', padding_mode: 'zeros' },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const grid = requiredType(context, 1, 'grid');
    samplingOf(context);
    const spatial = x.shape.length - 2;
    const last = grid.shape.at(-1);
    if (spatial < 1 || grid.shape.length !== x.shape.length || (typeof last === 'number' && last !== spatial)) {
      misfit(
        context,
        `the grid ${printShape(grid.shape)} does not give ${spatial} coordinates for the positions of ${printShape(x.shape)}`,
      );
    }
    return [{ dtype: x.dtype, shape: [x.shape[0] ?? 1, x.shape[1] ?? 1, ...grid.shape.slice(1, -1)] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const s = samplingOf(context);
    const spatial = x.shape.slice(2);
    const [batch = 1, channels = 1] = x.shape;
    const grid = floatsOf(requiredTensor(context, 1, 'grid'));
    const source = numbersOf(x);
    const plane = elementCount(spatial);
    const positions = elementCount(type.shape.slice(2));
    const out = allocate(type.dtype, elementCount(type.shape));
    const each = s.mode === 'nearest' ? 1 : s.mode === 'linear' ? 2 : 4;
    const axes = spatial.map((): AxisSample => ({ index: new Int32Array(each), weight: new Float32Array(each) }));
    const taps = each ** spatial.length;
    const offset = new Int32Array(taps);
    const weight = new Float32Array(taps);
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < positions; p++) {
        const at = (n * positions + p) * spatial.length;
        // Coordinates stand in the order x, y, z; axes in the order z, y, x.
        for (const [i, axis] of axes.entries()) sampleAxis(grid[at + spatial.length - 1 - i] ?? 0, spatial[i] ?? 1, s, axis);
        joinAxes(axes, spatial, each, offset, weight);
        for (let c = 0; c < channels; c++) {
          out[(n * channels + c) * positions + p] = weighted(source, (n * channels + c) * plane, offset, weight, taps);
        }
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

/** Every combination of neighbours along the axes: its flat offset (-1 outside) and the product of the weights. */
function joinAxes(axes: readonly AxisSample[], sizes: readonly number[], each: number, offset: Int32Array, weight: Float32Array): void {
  for (let t = 0; t < offset.length; t++) {
    let rest = t;
    let at = 0;
    let w = 1;
    let step = 1;
    for (let a = axes.length - 1; a >= 0; a--) {
      const k = rest % each;
      rest = (rest - k) / each;
      const i = axes[a]?.index[k] ?? -1;
      at = i < 0 || at < 0 ? -1 : at + i * step;
      w = Math.fround(w * (axes[a]?.weight[k] ?? 0));
      step *= sizes[a] ?? 1;
    }
    offset[t] = at;
    weight[t] = w;
  }
}

function weighted(source: Numbers, base: number, offset: Int32Array, weight: Float32Array, taps: number): number {
  if (taps === 1) return (offset[0] ?? -1) < 0 ? 0 : (source[base + (offset[0] ?? 0)] ?? 0);
  let sum = 0;
  for (let t = 0; t < taps; t++) {
    const at = offset[t] ?? -1;
    // 0 outside is a pixel like others: where the position is no number, neither is what is there.
    const term = Math.fround((at < 0 ? 0 : (source[base + at] ?? 0)) * (weight[t] ?? 0));
    sum = t === 0 ? term : Math.fround(sum + term);
  }
  return sum;
}

/** The image at (y, x) between four pixels, 0 outside; for positions in the image's own coordinates. */
export function bilinear(source: Numbers, base: number, height: number, width: number, y: number, x: number): number {
  const y0 = Math.floor(y);
  const x0 = Math.floor(x);
  const fy = Math.fround(y - y0);
  const fx = Math.fround(x - x0);
  const at = (r: number, c: number, w: number): number =>
    r >= 0 && r < height && c >= 0 && c < width ? Math.fround((source[base + r * width + c] ?? 0) * Math.fround(w)) : 0;
  const top = Math.fround(at(y0, x0, (1 - fy) * (1 - fx)) + at(y0, x0 + 1, (1 - fy) * fx));
  return Math.fround(Math.fround(top + at(y0 + 1, x0, fy * (1 - fx))) + at(y0 + 1, x0 + 1, fy * fx));
}

/** Where each output pixel of an affine map reads, as GridSample takes it. */
export const affineGrid: OpDef = defineOp({
  name: 'AffineGrid',
  since: [20],
  kernelClass: 'host',
  attributes: { align_corners: 0 },
  infer(context) {
    const theta = requiredType(context, 0, 'theta');
    const size = requiredType(context, 1, 'size');
    if (size.shape.length !== 1) misfit(context, `the size ${printShape(size.shape)} is not a list`);
    const rows = theta.shape[1];
    const spatial = typeof rows === 'number' ? rows : typeof size.shape[0] === 'number' ? size.shape[0] - 2 : null;
    if (theta.shape.length !== 3 || (spatial !== null && spatial !== 2 && spatial !== 3)) {
      misfit(context, `theta ${printShape(theta.shape)} is not [batch, 2, 3] or [batch, 3, 4]`);
    }
    if (spatial === null) return [{ dtype: theta.dtype, shape: [], unranked: true }];
    const known = context.dims(1);
    if (known !== null && known.length !== spatial + 2) misfit(context, `a size of ${known.length} numbers for ${spatial} spatial axes`);
    const axes = Array.from({ length: spatial }, (_, i): Dim => known?.[i + 2] ?? context.unknownDim(null, 'the values of input 1 (size)'));
    return [{ dtype: theta.dtype, shape: [theta.shape[0] ?? 1, ...axes, spatial] }];
  },
  evaluate(context) {
    const theta = requiredTensor(context, 0, 'theta');
    const type = outputType(context);
    return [tensorOf(type.dtype, type.shape, affinePositions(context, theta, type.shape))];
  },
});

function affinePositions(context: EvaluateContext, theta: Tensor, shape: readonly number[]): Numbers {
  const sizes = shape.slice(1, -1);
  const spatial = sizes.length;
  const alignCorners = intAttribute(context, 'align_corners', 0) !== 0;
  const out = allocate(theta.dtype, elementCount(shape));
  const source = numbersOf(theta);
  const round = roundingOf(theta.dtype);
  const positions = elementCount(sizes);
  const point = new Array<number>(spatial + 1).fill(1);
  for (let n = 0, at = 0; n < (shape[0] ?? 1); n++) {
    for (let p = 0; p < positions; p++) {
      let rest = p;
      for (let a = spatial - 1; a >= 0; a--) {
        const size = sizes[a] ?? 1;
        const i = rest % size;
        rest = (rest - i) / size;
        // x is the last axis, and the first coordinate.
        point[spatial - 1 - a] = round(alignCorners ? (size === 1 ? -1 : -1 + (2 * i) / (size - 1)) : -1 + (2 * i + 1) / size);
      }
      for (let r = 0; r < spatial; r++, at++) {
        let sum = 0;
        for (let k = 0; k <= spatial; k++) sum = round(sum + round((source[(n * spatial + r) * (spatial + 1) + k] ?? 0) * (point[k] ?? 0)));
        out[at] = sum;
      }
    }
  }
  return out;
}

export const gridOps: readonly OpDef[] = [gridSample, affineGrid];
