/** Pooling over regions of interest: RoiAlign, MaxRoiPool. */
import { clamp, elementCount } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { allocate, floatsOf, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  intsAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

function regionType(context: InferContext, pooled: readonly [number, number], columns: number): TensorType {
  const x = requiredType(context, 0, 'X');
  const rois = requiredType(context, 1, 'rois');
  const width = rois.shape[1];
  if (x.shape.length !== 4) misfit(context, `the input ${printShape(x.shape)} is not [batch, channels, height, width]`);
  if (rois.shape.length !== 2 || (typeof width === 'number' && width !== columns)) {
    misfit(context, `the regions ${printShape(rois.shape)} are not rows of ${columns} numbers`);
  }
  return { dtype: x.dtype, shape: [rois.shape[0] ?? 1, x.shape[1] ?? 1, ...pooled] };
}

export const roiAlign: OpDef = defineOp({
  name: 'RoiAlign',
  since: [10, 16, 22],
  kernelClass: 'host',
  attributes: {
    coordinate_transformation_mode: 'computed',
    mode: 'avg',
    output_height: 1,
    output_width: 1,
    sampling_ratio: 0,
    spatial_scale: 1,
  },
  infer(context) {
    requiredType(context, 2, 'batch_indices');
    const mode = stringAttribute(context, 'mode', 'avg');
    if (mode !== 'avg' && mode !== 'max') badAttribute(context, 'mode', `"${mode}"`, 'avg, max');
    return [regionType(context, [intAttribute(context, 'output_height', 1), intAttribute(context, 'output_width', 1)], 4)];
  },
  /** Each bin is the average (or largest weighted corner) of bilinear samples spread evenly over it. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const [regions = 0, channels = 1, height = 1, width = 1] = type.shape;
    const rois = floatsOf(requiredTensor(context, 1, 'rois'));
    const batches = numbersOf(requiredTensor(context, 2, 'batch_indices'));
    const scale = floatAttribute(context, 'spatial_scale', 1);
    // The half pixel came with opset 16.
    const half = context.opset >= 16 && stringAttribute(context, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
    const offset = half ? 0.5 : 0;
    const out = allocate(type.dtype, elementCount(type.shape));
    const source = numbersOf(x);
    const [ih = 1, iw = 1] = x.shape.slice(2);
    for (let n = 0; n < regions; n++) {
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = Array.from(rois.subarray(n * 4, n * 4 + 4), (v) => v * scale - offset);
      // Without the half pixel an empty region counts as one pixel.
      const span = (length: number): number => (half ? length : Math.max(length, 1));
      const bins = {
        y: axisSamples(context, y0, span(y1 - y0), height),
        x: axisSamples(context, x0, span(x1 - x0), width),
      };
      for (let c = 0; c < channels; c++) {
        const image: Image = { source, base: ((batches[n] ?? 0) * channels + c) * ih * iw, height: ih, width: iw };
        for (let p = 0; p < height; p++) {
          for (let q = 0; q < width; q++) {
            out[((n * channels + c) * height + p) * width + q] = pooledBin(context, image, bins.y[p] ?? [], bins.x[q] ?? []);
          }
        }
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

interface Image {
  readonly source: Numbers;
  readonly base: number;
  readonly height: number;
  readonly width: number;
}

/** Sample coordinates of every bin along one axis. */
function axisSamples(context: EvaluateContext, start: number, span: number, bins: number): readonly (readonly number[])[] {
  const size = span / bins;
  const stated = intAttribute(context, 'sampling_ratio', 0);
  const count = stated > 0 ? stated : Number.isFinite(size) ? Math.ceil(size) : 0;
  return Array.from({ length: bins }, (_, b) =>
    Array.from({ length: Math.max(0, count) }, (_, i) => start + b * size + ((i + 0.5) * size) / count),
  );
}

function pooledBin(context: EvaluateContext, image: Image, ys: readonly number[], xs: readonly number[]): number {
  const max = stringAttribute(context, 'mode', 'avg') === 'max';
  let result = max ? -Infinity : 0;
  for (const y of ys) {
    for (const x of xs) {
      const corners = cornerValues(image, y, x);
      if (max) result = Math.max(result, ...corners);
      else result += corners[0] + corners[1] + corners[2] + corners[3];
    }
  }
  const count = ys.length * xs.length;
  return count === 0 ? 0 : max ? result : result / count;
}

/** The four pixels around a position times their bilinear weights; zeros more than a pixel outside. */
function cornerValues({ source, base, height, width }: Image, y: number, x: number): readonly [number, number, number, number] {
  if (y < -1 || y > height || x < -1 || x > width) return [0, 0, 0, 0];
  const [cy, cx] = [clamp(y, 0, height - 1), clamp(x, 0, width - 1)];
  const [top, left] = [Math.floor(cy), Math.floor(cx)];
  const [bottom, right] = [Math.min(top + 1, height - 1), Math.min(left + 1, width - 1)];
  const [fy, fx] = [cy - top, cx - left];
  const at = (r: number, c: number, w: number): number => (source[base + r * width + c] ?? 0) * w;
  return [at(top, left, (1 - fy) * (1 - fx)), at(top, right, (1 - fy) * fx), at(bottom, left, fy * (1 - fx)), at(bottom, right, fy * fx)];
}

export const maxRoiPool: OpDef = defineOp({
  name: 'MaxRoiPool',
  since: [1, 22],
  kernelClass: 'host',
  attributes: { pooled_shape: 'required', spatial_scale: 1 },
  infer: (context) => [regionType(context, pooledShape(context), 5)],
  /** Regions are rows of batch index, x1, y1, x2, y2, rounded to whole pixels; the largest pixel of each bin. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const [regions = 0, channels = 1, height = 1, width = 1] = type.shape;
    const rois = floatsOf(requiredTensor(context, 1, 'rois'));
    const scale = floatAttribute(context, 'spatial_scale', 1);
    const out = allocate(type.dtype, elementCount(type.shape));
    const source = numbersOf(x);
    const [ih = 1, iw = 1] = x.shape.slice(2);
    for (let n = 0; n < regions; n++) {
      const batch = rois[n * 5] ?? 0;
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = Array.from(rois.subarray(n * 5 + 1, n * 5 + 5), (v) => roundAway(v * scale));
      const rows = poolBins(y0, y1, height, ih);
      const columns = poolBins(x0, x1, width, iw);
      for (let c = 0; c < channels; c++) {
        const base = (batch * channels + c) * ih * iw;
        for (let p = 0; p < height; p++) {
          for (let q = 0; q < width; q++) {
            out[((n * channels + c) * height + p) * width + q] = largest(source, base, iw, rows[p] ?? [0, 0], columns[q] ?? [0, 0]);
          }
        }
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

function pooledShape(context: InferContext): readonly [number, number] {
  const [height, width] = intsAttribute(context, 'pooled_shape') ?? [];
  if (height === undefined || width === undefined)
    return badAttribute(context, 'pooled_shape', 'missing', 'height and width of the output');
  return [height, width];
}

function roundAway(x: number): number {
  return x < 0 ? -Math.floor(-x + 0.5) : Math.floor(x + 0.5);
}

/** First and last-but-one pixel of each bin. */
function poolBins(from: number, to: number, bins: number, size: number): readonly (readonly [number, number])[] {
  const step = Math.max(to - from + 1, 1) / bins;
  return Array.from({ length: bins }, (_, b) => [
    clamp(Math.floor(b * step) + from, 0, size),
    clamp(Math.ceil((b + 1) * step) + from, 0, size),
  ]);
}

/** 0 for an empty bin. */
function largest(
  source: Numbers,
  base: number,
  stride: number,
  rows: readonly [number, number],
  columns: readonly [number, number],
): number {
  let best = -Infinity;
  for (let r = rows[0]; r < rows[1]; r++) {
    for (let c = columns[0]; c < columns[1]; c++) best = Math.max(best, source[base + r * stride + c] ?? 0);
  }
  return best === -Infinity ? 0 : best;
}

export const regionOps: readonly OpDef[] = [roiAlign, maxRoiPool];
