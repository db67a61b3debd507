/** Small operators of com.microsoft on shapes, indices and whole matrices. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { maxDim, subDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { oneNumber } from './contents.ts';
import { range } from './generators.ts';
import { unpackBits } from './microsoft-matmul.ts';
import { floatsOf, numbersOf, reshaped, tensorOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { optionalTensor } from './quantized-ops.ts';

const round = Math.fround;

/** Passes its input on. */
const sampleOp: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'SampleOp',
  since: [1],
  kernelClass: 'move',
  infer: (context) => [requiredType(context, 0, 'X')],
  evaluate: (context) => [requiredTensor(context, 0, 'X')],
});

/** A new axis of size 1 at `axis` (input 1). */
const expandDims: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'ExpandDims',
  since: [1],
  kernelClass: 'move',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    requiredType(context, 1, 'axis');
    const rank = x.shape.length + 1;
    const axis = oneNumber(context, 1, 'axis');
    if (typeof axis !== 'number') {
      return [{ dtype: x.dtype, shape: Array.from({ length: rank }, () => context.unknownDim(null, 'the value of input 1 (axis)')) }];
    }
    const at = normalizeAxis(context, axis, rank);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, at), 1, ...x.shape.slice(at)] }];
  },
  evaluate: (context) => [reshaped(requiredTensor(context, 0, 'X'), outputType(context).shape)],
});

/** Range whose step may be left out. */
const microsoftRange: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'Range',
  since: [1],
  kernelClass: 'host',
  infer(context) {
    if (hasInput(context, 2)) return range.infer({ ...context, opset: 11 });
    const { dtype } = requiredType(context, 0, 'start');
    requiredType(context, 1, 'limit');
    const [start, limit] = [oneNumber(context, 0, 'start'), oneNumber(context, 1, 'limit')];
    const count: Dim =
      start === null || limit === null
        ? context.unknownDim(null, 'the values of inputs 0 and 1 (start, limit)')
        : maxDim(0, subDim(limit, start));
    return [{ dtype, shape: [count] }];
  },
  evaluate(context) {
    if (hasInput(context, 2)) return range.evaluate({ ...context, opset: 11 });
    const type = outputType(context);
    const start = numbersOf(requiredTensor(context, 0, 'start'))[0] ?? 0;
    return [
      tensorOf(
        type.dtype,
        type.shape,
        Float64Array.from({ length: type.shape[0] ?? 0 }, (_, i) => start + i),
      ),
    ];
  },
});

/** Inverses of square matrices by elimination with row pivots, in double. */
const inverse: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'Inverse',
  since: [1],
  kernelClass: 'host',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const [rows, columns] = [x.shape.at(-2), x.shape.at(-1)];
    if (x.shape.length < 2 || (typeof rows === 'number' && typeof columns === 'number' && rows !== columns)) {
      misfit(context, `${printShape(x.shape)} is not a stack of square matrices`);
    }
    return [x];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const n = x.shape.at(-1) ?? 1;
    const source = numbersOf(x);
    const out = new Float64Array(source.length);
    for (let from = 0; from < source.length && n > 0; from += n * n)
      invert(context, source.subarray(from, from + n * n), n, out.subarray(from, from + n * n));
    return [tensorOf(x.dtype, x.shape, x.dtype === 'float64' ? out : Float32Array.from(out))];
  },
});

function invert(context: OpContext, source: ArrayLike<number>, n: number, out: Float64Array): void {
  const a = Float64Array.from(source);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  const addRow = (m: Float64Array, to: number, from: number, factor: number): void => {
    for (let j = 0; j < n; j++) m[to * n + j] = (m[to * n + j] ?? 0) + factor * (m[from * n + j] ?? 0);
  };
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r * n + c] ?? 0) > Math.abs(a[pivot * n + c] ?? 0)) pivot = r;
    const value = a[pivot * n + c] ?? 0;
    if (value === 0) misfit(context, 'a matrix has no inverse');
    for (const m of [a, out]) {
      for (let j = 0; j < n; j++) {
        const [x, y] = [m[c * n + j] ?? 0, m[pivot * n + j] ?? 0];
        m[pivot * n + j] = x;
        m[c * n + j] = y / value;
      }
    }
    for (let r = 0; r < n; r++) {
      const factor = -(a[r * n + c] ?? 0);
      if (r === c || factor === 0) continue;
      addRow(a, r, c, factor);
      addRow(out, r, c, factor);
    }
  }
}

/** Distinct elements of a vector in order of first appearance, where each element went, and how often each appears. */
const microsoftUnique: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'Unique',
  since: [1],
  kernelClass: 'host',
  infer(context) {
    const x = requiredType(context, 0, 'x');
    if (x.shape.length !== 1) misfit(context, `the input ${printShape(x.shape)} is not of rank 1`);
    const known = context.tensor(0);
    const count: Dim = known === null ? context.unknownDim(x.shape[0] ?? null, 'how many elements differ') : new Set(numbersOf(known)).size;
    return [
      { dtype: x.dtype, shape: [count] },
      { dtype: 'int64', shape: x.shape },
      { dtype: 'int64', shape: [count] },
    ];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'x');
    const places = new Map<number, number>();
    const counts: number[] = [];
    const index = Array.from(numbersOf(x), (v) => {
      const at = places.get(v) ?? places.size;
      places.set(v, at);
      counts[at] = (counts[at] ?? 0) + 1;
      return at;
    });
    const n = places.size;
    return [tensorOf(x.dtype, [n], [...places.keys()]), tensorOf('int64', x.shape, index), tensorOf('int64', [n], counts)].slice(
      0,
      context.outputs.length,
    );
  },
});

/** Crops [top, left, bottom, right] (0 to 1 of the image) resized to crop_size. Inputs: X, rois, batch_indices, crop_size. */
const cropAndResize: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'CropAndResize',
  since: [1],
  kernelClass: 'host',
  attributes: { extrapolation_value: 0, mode: 'bilinear' },
  infer(context): readonly TensorType[] {
    const x = requiredType(context, 0, 'X');
    const rois = requiredType(context, 1, 'rois');
    requiredType(context, 2, 'batch_indices');
    requiredType(context, 3, 'crop_size');
    if (x.shape.length !== 4) misfit(context, `the input ${printShape(x.shape)} is not of rank 4`);
    const unknown = (): Dim => context.unknownDim(null, 'the values of input 3 (crop_size)');
    const [length] = requiredType(context, 3, 'crop_size').shape;
    if (typeof length === 'number' && length !== 2) misfit(context, `crop_size has ${length} numbers, height and width are needed`);
    const [height = unknown(), width = unknown()] = context.dims(3) ?? [];
    return [{ dtype: x.dtype, shape: [rois.shape[0] ?? 1, x.shape[1] ?? 1, height, width] }];
  },
  evaluate: (context) => [evaluateCrops(context)],
});

function evaluateCrops(context: EvaluateContext): Tensor {
  const x = requiredTensor(context, 0, 'X');
  const rois = floatsOf(requiredTensor(context, 1, 'rois'));
  const batches = numbersOf(requiredTensor(context, 2, 'batch_indices'));
  const type = outputType(context);
  const [count = 0, channels = 1, height = 1, width = 1] = type.shape;
  const [, , rows = 1, columns = 1] = x.shape;
  const source = floatsOf(x);
  const outside = floatAttribute(context, 'extrapolation_value', 0);
  const nearest = stringAttribute(context, 'mode', 'bilinear') === 'nearest';
  const out = new Float32Array(elementCount(type.shape));
  const place = (from: number, to: number, size: number, steps: number, i: number): number =>
    steps > 1 ? from * (size - 1) + (i * (to - from) * (size - 1)) / (steps - 1) : 0.5 * (from + to) * (size - 1);
  for (let n = 0, at = 0; n < count; n++) {
    const [top = 0, left = 0, bottom = 0, right = 0] = rois.subarray(4 * n, 4 * n + 4);
    for (let c = 0; c < channels; c++) {
      const base = ((batches[n] ?? 0) * channels + c) * rows * columns;
      const pixel = (y: number, xx: number): number => source[base + y * columns + xx] ?? 0;
      for (let i = 0; i < height; i++) {
        const y = place(top, bottom, rows, height, i);
        for (let j = 0; j < width; j++, at++) {
          const z = place(left, right, columns, width, j);
          if (y < 0 || y > rows - 1 || z < 0 || z > columns - 1) out[at] = outside;
          else if (nearest) out[at] = pixel(Math.round(y), Math.round(z));
          else {
            const [y0, z0] = [Math.floor(y), Math.floor(z)];
            const [y1, z1] = [Math.ceil(y), Math.ceil(z)];
            const above = round(pixel(y0, z0) + round((pixel(y0, z1) - pixel(y0, z0)) * (z - z0)));
            const below = round(pixel(y1, z0) + round((pixel(y1, z1) - pixel(y1, z0)) * (z - z0)));
            out[at] = above + round((below - above) * (y - y0));
          }
        }
      }
    }
  }
  return tensorOf(type.dtype, type.shape, out);
}

/** How data, scales and zero points of GatherBlockQuantized lie. */
interface BlockData {
  /** Of the numbers, packed ones counted one by one. */
  readonly shape: readonly Dim[];
  readonly gatherAxis: number;
  readonly quantizeAxis: number;
  /** Bits of a packed uint8; null where elements are not packed into bytes. */
  readonly packed: number | null;
}

function blockData(context: OpContext, data: TensorType): BlockData {
  const rank = data.shape.length;
  const bits = intAttribute(context, 'bits', 4);
  const packed = data.dtype === 'uint8' && bits < 8 ? bits : null;
  const shape = data.shape.map((d, i): Dim => (packed !== null && i === rank - 1 ? (typeof d === 'number' ? (d * 8) / packed : d) : d));
  return {
    shape,
    gatherAxis: normalizeAxis(context, intAttribute(context, 'gather_axis', 0), rank, 'gather_axis'),
    quantizeAxis: normalizeAxis(context, intAttribute(context, 'quantize_axis', 1), rank, 'quantize_axis'),
    packed,
  };
}

/** Rows of block-quantized data as real numbers. Inputs: data, indices, scales, zero_points. */
const gatherBlockQuantized: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'GatherBlockQuantized',
  since: [1],
  // Makes reals of what it gathers: the elements do not stay as they are.
  kernelClass: 'host',
  attributes: { bits: 4, block_size: 128, gather_axis: 0, quantize_axis: 1 },
  infer(context: InferContext) {
    const data = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    const scales = requiredType(context, 2, 'scales');
    const { shape, gatherAxis } = blockData(context, data);
    return [{ dtype: scales.dtype, shape: [...shape.slice(0, gatherAxis), ...indices.shape, ...shape.slice(gatherAxis + 1)] }];
  },
  evaluate(context) {
    const data = requiredTensor(context, 0, 'data');
    const scales = requiredTensor(context, 2, 'scales');
    const layout = blockData(context, data);
    const shape = layout.shape.map(Number);
    const { gatherAxis, quantizeAxis, packed } = layout;
    const codes = (t: Tensor, columns: number): ArrayLike<number> => {
      if (packed === null) return numbersOf(t);
      const bytes = t.shape.at(-1) ?? 1;
      return unpackBits(numbersOf(t), packed, columns, bytes, elementCount(t.shape.slice(0, -1)));
    };
    const values = codes(data, shape.at(-1) ?? 1);
    const zeroTensor = optionalTensor(context, 3);
    const zeros = zeroTensor === null ? null : codes(zeroTensor, scales.shape.at(-1) ?? 1);
    const otherwise = data.dtype === 'uint8' ? 2 ** (intAttribute(context, 'bits', 4) - 1) : 0;
    const factors = floatsOf(scales);
    const block = intAttribute(context, 'block_size', 128) || (shape[quantizeAxis] ?? 1);
    const real = (flat: number): number => {
      let at = 0;
      let rest = flat;
      let step = 1;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const size = shape[axis] ?? 1;
        const i = rest % size;
        rest = Math.floor(rest / size);
        const own = scales.shape[axis] ?? 1;
        at += (own === 1 ? 0 : axis === quantizeAxis ? Math.floor(i / block) : i) * step;
        step *= own;
      }
      return round((values[flat] ?? 0) - (zeros === null ? otherwise : (zeros[at] ?? 0))) * (factors[at] ?? 1);
    };
    const type = outputType(context);
    const indices = numbersOf(requiredTensor(context, 1, 'indices'));
    const inner = elementCount(shape.slice(gatherAxis + 1));
    const outer = elementCount(shape.slice(0, gatherAxis));
    const size = shape[gatherAxis] ?? 1;
    const out = new Float32Array(elementCount(type.shape));
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (const given of indices) {
        const index = given < 0 ? given + size : given;
        // An index outside gives zeros.
        for (let i = 0; i < inner; i++, at++) if (index >= 0 && index < size) out[at] = real((o * size + index) * inner + i);
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const microsoftMoveOps: readonly OpDef[] = [
  sampleOp,
  expandDims,
  microsoftRange,
  inverse,
  microsoftUnique,
  cropAndResize,
  gatherBlockQuantized,
];
