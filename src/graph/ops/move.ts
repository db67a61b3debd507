/** Operators that copy elements along axes: Transpose, Concat, Split, Expand, Tile, DepthToSpace, SpaceToDepth; Slice and Pad are in slice.ts. */
import { elementCount, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { addDim, ceilDivDim, floorDivDim, mulDim, printDim, subDim, type Dim } from '../dim.ts';
import { broadcastShapes } from './broadcast.ts';
import { listElements, pickedContents, valuesOf } from './contents.ts';
import { pickAxes, reshaped, straight } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
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
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { pad, slice } from './slice.ts';
import { copyLanes, lanesLike, storedOf, tensorOfStored } from './storage.ts';

export function transposed(x: Tensor, perm: readonly number[]): Tensor {
  const strides = rowMajorStrides(x.shape);
  const shape = perm.map((p) => x.shape[p] ?? 1);
  return pickAxes(
    x,
    shape,
    perm.map((p, i) => straight(shape[i] ?? 1, strides[p] ?? 0)),
  );
}

function permutation(context: OpContext, rank: number): readonly number[] {
  const perm = intsAttribute(context, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.length !== rank || [...perm].sort((a, b) => a - b).some((p, i) => p !== i)) {
    badAttribute(context, 'perm', `[${perm.join(', ')}]`, `an order of the ${rank} axes 0 to ${rank - 1}`);
  }
  return perm;
}

export const transpose: OpDef = defineOp({
  name: 'Transpose',
  since: [1, 13, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { perm: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    return [{ dtype: x.dtype, shape: permutation(context, x.shape.length).map((p) => x.shape[p] ?? 1) }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    return [transposed(x, permutation(context, x.shape.length))];
  },
  contents: (context) => pickedContents(context, transpose, (i) => i === 0),
});

export const concat: OpDef = defineOp({
  name: 'Concat',
  since: [1, 4, 11, 13],
  kernelClass: 'move',
  attributes: { axis: 'required' },
  infer(context) {
    const first = requiredType(context, 0, 'inputs');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 1), first.shape.length);
    const shape = [...first.shape];
    for (let i = 1; i < context.inputs.length; i++) {
      const next = requiredType(context, i, 'inputs');
      const differs = next.shape.findIndex((d, k) => k !== axis && typeof d === 'number' && typeof shape[k] === 'number' && d !== shape[k]);
      if (next.shape.length !== shape.length || differs >= 0) {
        misfit(context, `the inputs ${printShape(first.shape)} and ${printShape(next.shape)} differ beside axis ${axis}`);
      }
      if (next.dtype !== first.dtype) misfit(context, `the inputs are ${first.dtype} and ${next.dtype}`, 'All must have one element type');
      shape[axis] = addDim(shape[axis] ?? 0, next.shape[axis] ?? 0);
      next.shape.forEach((d, k) => {
        if (k !== axis && typeof shape[k] !== 'number') shape[k] = typeof d === 'number' ? d : (shape[k] ?? d);
      });
    }
    return [{ dtype: first.dtype, shape }];
  },
  evaluate(context) {
    const parts = context.inputs.map((_, i) => requiredTensor(context, i, 'inputs'));
    const type = outputType(context);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 1), type.shape.length);
    return [joined(parts, axis, type.shape)];
  },
  contents: (context) => pickedContents(context, concat, () => true),
});

/** Parts one after the other along `axis`; all of one element type. */
export function joined(parts: readonly Tensor[], axis: number, shape: readonly number[]): Tensor {
  const [first] = parts;
  if (first === undefined) throw new Error('nothing to join');
  const outer = elementCount(shape.slice(0, axis));
  const sources = parts.map((p) => ({ ...storedOf(p), run: elementCount(p.shape.slice(axis)) }));
  const width = sources[0]?.width ?? 1;
  const out = lanesLike(sources[0]?.lanes ?? [], elementCount(shape) * width);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { lanes, run } of sources) {
      copyLanes(out, at, lanes, o * run * width, run * width);
      at += run * width;
    }
  }
  return tensorOfStored(first.dtype, shape, out);
}

/** Sizes of the parts along the axis: stated, or equal with a smaller last one. */
function splitSizes(context: InferContext, total: Dim): readonly Dim[] {
  const given = intsAttribute(context, 'split') ?? (hasInput(context, 1) ? listElements(context, 1, 2 ** 20) : 'equal');
  if (given === 'equal') {
    const { length: outputs } = context.node.outputs;
    const parts = intAttribute(context, 'num_outputs', outputs);
    if (parts < Math.max(1, outputs)) badAttribute(context, 'num_outputs', String(parts), `the number of outputs, which is ${outputs}`);
    const each = ceilDivDim(total, parts);
    const even = typeof total === 'number' || context.node.attributes['num_outputs'] !== undefined ? each : floorDivDim(total, parts);
    const last = subDim(total, mulDim(even, parts - 1));
    if (typeof last === 'number' && last < 0) misfit(context, `an axis of ${printDim(total)} makes no ${parts} parts of ${printDim(even)}`);
    // Outputs left out at the end have no types.
    return Array.from({ length: outputs }, (_, i) => (i < parts - 1 ? even : last));
  }
  const stated: readonly Element[] = given ?? new Array<Element>(context.node.outputs.length).fill(null);
  if (stated.some((d) => typeof d === 'number' && d < 0))
    misfit(context, `the parts [${stated.map((d) => (d === null ? '?' : printDim(d))).join(', ')}] have a negative size`);
  const known = stated.filter((d) => d !== null).reduce(addDim, 0);
  const open = stated.filter((d) => d === null).length;
  if (typeof total === 'number' && typeof known === 'number' && (open === 0 ? known !== total : known > total)) {
    misfit(context, `the parts [${stated.map((d) => (d === null ? '?' : printDim(d))).join(', ')}] make ${known}, the axis has ${total}`);
  }
  const rest = subDim(total, known);
  return stated.map((d) => d ?? (open === 1 ? rest : context.unknownDim(rest, valuesOf(1, 'split'))));
}

export const split: OpDef = defineOp({
  name: 'Split',
  since: [1, 2, 11, 13, 18],
  kernelClass: 'move',
  attributes: { axis: 0, split: 'computed', num_outputs: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    return splitSizes(context, x.shape[axis] ?? 1).map((size) => ({
      dtype: x.dtype,
      shape: x.shape.map((d, i) => (i === axis ? size : d)),
    }));
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const strides = rowMajorStrides(x.shape);
    let start = 0;
    return context.outputs.map((type) => {
      const first = start;
      start += type.shape[axis] ?? 0;
      const tables = type.shape.map((extent, i) => straight(extent, strides[i] ?? 0));
      tables[axis] = Int32Array.from({ length: type.shape[axis] ?? 0 }, (_, i) => (first + i) * (strides[axis] ?? 0));
      return pickAxes(x, type.shape, tables);
    });
  },
  contentsOf: (context, output) => pickedContents(context, split, (i) => i === 0, output),
});

export const expand: OpDef = defineOp({
  name: 'Expand',
  since: [8, 13],
  kernelClass: 'move',
  infer(context) {
    const x = requiredType(context, 0, 'input');
    requiredType(context, 1, 'shape');
    const target = listElements(context, 1);
    if (target === null) return [{ dtype: x.dtype, shape: [], unranked: true }];
    const known = broadcastShapes(context, [x.shape, target.map((d) => d ?? 1)]);
    const shift = known.length - target.length;
    return [
      {
        dtype: x.dtype,
        // A size that is not 1 stays as it is, whatever the target.
        shape: known.map((d, i) => {
          const stays = i < shift || target[i - shift] !== null || (typeof d === 'number' && d !== 1);
          return stays ? d : context.unknownDim(null, valuesOf(1, 'shape'));
        }),
      },
    ];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const strides = rowMajorStrides(x.shape);
    const tables = type.shape.map((extent, i) => {
      const own = i - (type.shape.length - x.shape.length);
      return straight(extent, own < 0 || x.shape[own] === 1 ? 0 : (strides[own] ?? 0));
    });
    return [pickAxes(x, type.shape, tables)];
  },
  contents: (context) => pickedContents(context, expand, (i) => i === 0),
});

export const tile: OpDef = defineOp({
  name: 'Tile',
  since: [1, 6, 13],
  kernelClass: 'move',
  infer(context) {
    const x = requiredType(context, 0, 'input');
    requiredType(context, 1, 'repeats');
    const repeats = listElements(context, 1);
    if (repeats !== null && repeats.length !== x.shape.length)
      misfit(context, `${repeats.length} repeats for the ${x.shape.length} axes of ${printShape(x.shape)}`);
    const shape = x.shape.map((d, i) => {
      const times = repeats?.[i] ?? null;
      return times !== null ? mulDim(d, times) : d === 0 ? 0 : context.unknownDim(null, valuesOf(1, 'repeats'));
    });
    return [{ dtype: x.dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const strides = rowMajorStrides(x.shape);
    const tables = type.shape.map((extent, i) =>
      Int32Array.from({ length: extent }, (_, k) => (k % (x.shape[i] ?? 1)) * (strides[i] ?? 0)),
    );
    return [pickAxes(x, type.shape, tables)];
  },
  contents: (context) => pickedContents(context, tile, (i) => i === 0),
});

/** [batch, channels, height, width] with a block size that must divide. */
function imageShape(context: InferContext): { batch: Dim; channels: Dim; height: Dim; width: Dim; block: number } {
  const x = requiredType(context, 0, 'input');
  const block = intAttribute(context, 'blocksize', 0);
  if (x.shape.length !== 4) misfit(context, `the input ${printShape(x.shape)} is not an image batch of rank 4`);
  if (block < 1) badAttribute(context, 'blocksize', String(block), 'a whole number from 1');
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  return { batch, channels, height, width, block };
}

export const depthToSpace: OpDef = defineOp({
  name: 'DepthToSpace',
  since: [1, 11, 13],
  kernelClass: 'move',
  attributes: { blocksize: 'required', mode: 'DCR' },
  infer(context) {
    const { batch, channels, height, width, block } = imageShape(context);
    if (typeof channels === 'number' && channels % (block * block) !== 0) {
      misfit(context, `${channels} channels do not divide into blocks of ${block}×${block}`);
    }
    const shape = [batch, floorDivDim(channels, block * block), mulDim(height, block), mulDim(width, block)];
    return [{ dtype: requiredType(context, 0, 'input').dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const [n = 1, c = 1, h = 1, w = 1] = x.shape;
    const b = intAttribute(context, 'blocksize', 1);
    const depth = c / (b * b);
    const mode = stringAttribute(context, 'mode', 'DCR');
    const turned =
      mode === 'CRD'
        ? transposed(reshaped(x, [n, depth, b, b, h, w]), [0, 1, 4, 2, 5, 3])
        : transposed(reshaped(x, [n, b, b, depth, h, w]), [0, 3, 4, 1, 5, 2]);
    return [reshaped(turned, type.shape)];
  },
});

export const spaceToDepth: OpDef = defineOp({
  name: 'SpaceToDepth',
  since: [1, 13, 28],
  kernelClass: 'move',
  attributes: { blocksize: 'required', mode: 'DCR' },
  infer(context) {
    const { batch, channels, height, width, block } = imageShape(context);
    for (const size of [height, width]) {
      if (typeof size === 'number' && size % block !== 0)
        misfit(context, `an image side of ${size} does not divide into blocks of ${block}`);
    }
    const shape = [batch, mulDim(channels, block * block), floorDivDim(height, block), floorDivDim(width, block)];
    return [{ dtype: requiredType(context, 0, 'input').dtype, shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const [n = 1, c = 1, h = 1, w = 1] = x.shape;
    const b = intAttribute(context, 'blocksize', 1);
    const order = stringAttribute(context, 'mode', 'DCR') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
    return [reshaped(transposed(reshaped(x, [n, c, h / b, b, w / b, b]), order), type.shape)];
  },
});

export const moveOps: readonly OpDef[] = [transpose, slice, concat, split, expand, tile, pad, depthToSpace, spaceToDepth];
