/** Images put together or cut: Col2Im, CenterCropPad, MaxUnpool; ImageDecoder, which is only inferred. */
import { elementCount, rowMajorStrides, zeros } from '../../core/index.ts';
import { addDim, floorDivDim, mulDim, printDim, subDim, type Dim } from '../dim.ts';
import { allocate, numbersOf, pickAxes, put, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intsAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { listOf } from './window.ts';

/** Images of more axes do not occur; a longer list is damaged. */
const mostAxes = 64;

/** Sums sliding blocks back into images: the reverse of unfolding. */
export const col2Im: OpDef = defineOp({
  name: 'Col2Im',
  since: [18],
  kernelClass: 'host',
  attributes: { dilations: 'computed', pads: 'computed', strides: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const image = requiredType(context, 1, 'image_shape');
    const block = requiredType(context, 2, 'block_shape');
    if (x.shape.length !== 3) misfit(context, `the input ${printShape(x.shape)} is not [batch, channels · block, blocks]`);
    for (const [list, name] of [[image, 'image_shape'] as const, [block, 'block_shape'] as const]) {
      if (list.shape.length !== 1) misfit(context, `${name} ${printShape(list.shape)} is not a list`);
    }
    const [rank = 1] = image.shape;
    if (typeof rank !== 'number') return [{ dtype: x.dtype, shape: [], unranked: true }];
    const [blockRank = rank] = block.shape;
    if (rank > mostAxes || (typeof blockRank === 'number' && blockRank !== rank))
      misfit(
        context,
        `image_shape has ${rank} axes, block_shape ${printDim(blockRank)}`,
        `Both have one for each axis of the image, at most ${mostAxes}`,
      );
    const sizes = context.dims(1);
    const why = 'the values of input 1 (image_shape)';
    const spatial = Array.from({ length: rank }, (_, i): Dim => sizes?.[i] ?? context.unknownDim(null, why));
    const blocks = context.dims(2);
    const [batch = 1, rows = 1] = x.shape;
    if (blocks?.some((d) => typeof d === 'number' && d < 1) === true) misfit(context, `the block ${printShape(blocks)} is empty`);
    const taps = blocks?.reduce(mulDim, 1);
    if (typeof taps === 'number' && typeof rows === 'number' && rows % taps !== 0)
      misfit(context, `${rows} rows do not divide into blocks of ${taps} elements`);
    const channels = taps === undefined ? context.unknownDim(rows, 'the values of input 2 (block_shape)') : floorDivDim(rows, taps);
    return [{ dtype: x.dtype, shape: [batch, channels, ...spatial] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const block = [...numbersOf(requiredTensor(context, 2, 'block_shape'))];
    const image = type.shape.slice(2);
    const rank = image.length;
    const dilations = listOf(context, 'dilations', rank, 1);
    const strides = listOf(context, 'strides', rank, 1);
    const pads = listOf(context, 'pads', 2 * rank, 0);
    const counts = image.map((size, i) =>
      Math.floor((size + (pads[i] ?? 0) + (pads[rank + i] ?? 0) - ((block[i] ?? 1) - 1) * (dilations[i] ?? 1) - 1) / (strides[i] ?? 1) + 1),
    );
    const taps = elementCount(block);
    const positions = x.shape[2] ?? 0;
    if (elementCount(counts) !== positions || counts.some((n) => n < 0)) {
      misfit(
        context,
        `${positions} blocks are given, ${counts.join(' × ')} = ${elementCount(counts)} fit into the image [${image.join(', ')}]`,
      );
    }
    const source = numbersOf(x);
    const out = allocate(type.dtype, elementCount(type.shape));
    const plane = elementCount(image);
    const imageStrides = rowMajorStrides(image);
    const planes = elementCount(type.shape.slice(0, 2));
    for (let t = 0; t < taps; t++) {
      const tap = unravel(t, block);
      for (let p = 0; p < positions; p++) {
        const where = unravel(p, counts);
        let to = 0;
        for (let i = 0; i < rank && to >= 0; i++) {
          const at = (where[i] ?? 0) * (strides[i] ?? 1) - (pads[i] ?? 0) + (tap[i] ?? 0) * (dilations[i] ?? 1);
          to = at < 0 || at >= (image[i] ?? 1) ? -1 : to + at * (imageStrides[i] ?? 1);
        }
        if (to < 0) continue;
        for (let n = 0; n < planes; n++) out[n * plane + to] = (out[n * plane + to] ?? 0) + (source[(n * taps + t) * positions + p] ?? 0);
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

function unravel(flat: number, shape: readonly number[]): readonly number[] {
  const index = new Array<number>(shape.length).fill(0);
  let rest = flat;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] ?? 1;
    index[i] = rest % size;
    rest = Math.floor(rest / size);
  }
  return index;
}

function cropAxes(context: OpContext, rank: number): readonly number[] {
  return intsAttribute(context, 'axes')?.map((a) => normalizeAxis(context, a, rank, 'axes')) ?? Array.from({ length: rank }, (_, i) => i);
}

/** The middle of the input, or the input in the middle of zeros; of an odd difference the larger part comes last. */
export const centerCropPad: OpDef = defineOp({
  name: 'CenterCropPad',
  since: [18],
  kernelClass: 'host',
  attributes: { axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'input_data');
    const target = requiredType(context, 1, 'shape');
    if (target.shape.length !== 1) misfit(context, `the shape ${printShape(target.shape)} is not a list`);
    const axes = cropAxes(context, x.shape.length);
    const sizes = context.dims(1);
    if (sizes !== null && sizes.length !== axes.length)
      misfit(context, `${sizes.length} sizes for ${axes.length} axes of ${printShape(x.shape)}`);
    const shape = [...x.shape];
    axes.forEach((axis, i) => (shape[axis] = sizes?.[i] ?? context.unknownDim(null, 'the values of input 1 (shape)')));
    return [{ dtype: x.dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input_data');
    const type = outputType(context);
    const strides = rowMajorStrides(x.shape);
    const tables = type.shape.map((size, i) => {
      const own = x.shape[i] ?? 1;
      const start = size <= own ? Math.floor((own - size) / 2) : -Math.floor((size - own) / 2);
      return Int32Array.from({ length: size }, (_, k) => (k + start >= 0 && k + start < own ? (k + start) * (strides[i] ?? 0) : -1));
    });
    return [pickAxes(x, type.shape, tables)];
  },
});

/** Spatial sizes that MaxPool would have made these from: (size - 1) · stride - pads + kernel. */
function unpooledShape(context: OpContext, shape: readonly Dim[]): readonly Dim[] {
  const kernel =
    intsAttribute(context, 'kernel_shape') ?? badAttribute(context, 'kernel_shape', 'missing', 'the window size of the pooling');
  const rank = shape.length - 2;
  if (kernel.length !== rank) misfit(context, `a window of ${kernel.length} axes for ${printShape(shape)}`);
  const strides = listOf(context, 'strides', rank, 1);
  const pads = listOf(context, 'pads', 2 * rank, 0);
  const spatial = kernel.map((k, i) =>
    addDim(mulDim(subDim(shape[i + 2] ?? 1, 1), strides[i] ?? 1), k - (pads[i] ?? 0) - (pads[rank + i] ?? 0)),
  );
  return [...shape.slice(0, 2), ...spatial];
}

function unpoolType(context: InferContext): readonly Dim[] {
  const x = requiredType(context, 0, 'X');
  requiredType(context, 1, 'I');
  const inferred = unpooledShape(context, x.shape);
  if (!hasInput(context, 2)) return inferred;
  const list = requiredType(context, 2, 'output_shape');
  const [length = 0] = list.shape;
  if (list.shape.length !== 1 || (typeof length === 'number' && length !== x.shape.length))
    misfit(context, `output_shape ${printShape(list.shape)} does not give one size for each axis of ${printShape(x.shape)}`);
  const stated = context.dims(2);
  if (stated !== null) return stated;
  return x.shape.map((d, i) => (i < 2 ? d : context.unknownDim(null, 'the values of input 2 (output_shape)')));
}

export const maxUnpool: OpDef = defineOp({
  name: 'MaxUnpool',
  since: [9, 11, 22],
  kernelClass: 'host',
  attributes: { kernel_shape: 'required', pads: 'computed', strides: 'computed' },
  infer: (context) => [{ dtype: requiredType(context, 0, 'X').dtype, shape: unpoolType(context) }],
  /** Elements go where the indices say, which count in the size the pooling had; a larger output keeps them in its first corner. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const indices = numbersOf(requiredTensor(context, 1, 'I'));
    const type = outputType(context);
    const inferred = unpooledShape(context, x.shape).map(Number);
    const strides = rowMajorStrides(type.shape);
    const to = Int32Array.from(indices, (flat) =>
      unravel(flat, inferred).reduce((at, i, axis) => (i < (type.shape[axis] ?? 1) ? at + i * (strides[axis] ?? 0) : NaN), 0),
    );
    return [put(zeros(x.dtype, type.shape), to, x)];
  },
});

/** Needs decoders of image files; the graph around it can be checked and timed. */
export const imageDecoder: OpDef = defineOp({
  name: 'ImageDecoder',
  since: [20],
  kernelClass: 'host',
  attributes: { pixel_format: 'RGB' },
  infer(context) {
    const x = requiredType(context, 0, 'encoded_stream');
    if (x.dtype !== 'uint8' || x.shape.length !== 1) misfit(context, `the input is ${x.dtype} ${printShape(x.shape)}, not a list of bytes`);
    const format = stringAttribute(context, 'pixel_format', 'RGB');
    if (!['RGB', 'BGR', 'Grayscale'].includes(format)) badAttribute(context, 'pixel_format', `"${format}"`, 'RGB, BGR, Grayscale');
    const why = 'the size of the encoded image';
    return [{ dtype: 'uint8', shape: [context.unknownDim(null, why), context.unknownDim(null, why), format === 'Grayscale' ? 1 : 3] }];
  },
  evaluate: (context) => misfit(context, 'image files are not decoded here', 'Decode the image before the model, and give it pixels'),
});

export const rearrangeOps: readonly OpDef[] = [col2Im, centerCropPad, maxUnpool, imageDecoder];
