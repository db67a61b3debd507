/** Operators that only rename the same row-major elements, and the arithmetic of their shapes. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { floorDivDim, productDim, symbolDim, type Dim } from '../dim.ts';
import { oneOf } from './one-of.ts';
import type { TensorType } from '../ir.ts';
import { listElements, passedContents, valuesOf } from './contents.ts';
import { numbersOf, reshaped, tensorOf } from './numbers.ts';
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
  type Element,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';
import { trainingDropout } from './batch-statistics.ts';

function copyInput(context: EvaluateContext): readonly Tensor[] {
  return [reshaped(requiredTensor(context, 0, 'data'), outputType(context).shape)];
}

export const reshape: OpDef = defineOp({
  name: 'Reshape',
  since: [1, 5, 13, 14, 19, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { allowzero: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    requiredType(context, 1, 'shape');
    const target = listElements(context, 1);
    return [
      target === null ? { dtype: x.dtype, shape: [], unranked: true } : { dtype: x.dtype, shape: reshapedTo(context, x.shape, target) },
    ];
  },
  evaluate: copyInput,
  contents: passedContents,
});

/** The sizes a Reshape target stands for: 0 copies an axis, -1 is what is left, and so is one size that is not known. */
function reshapedTo(context: InferContext, from: readonly Dim[], target: readonly Element[]): readonly Dim[] {
  const printed = (): string => printShape(target.map((d) => d ?? symbolDim('?')));
  const keepZero = intAttribute(context, 'allowzero', 0) !== 0;
  const shape = target.map((d, i) => {
    if (d !== 0 || keepZero) return d;
    return from[i] ?? misfit(context, `the target ${printed()} copies axis ${i}, which the input ${printShape(from)} does not have`);
  });
  const total = productDim(from);
  if (shape.filter((d) => d === -1).length > 1) misfit(context, `the target ${printed()} leaves more than one axis open (-1)`);
  const open = shape.flatMap((d, i) => (d === -1 || d === null ? [i] : []));
  const known = productDim(shape.flatMap((d) => (d === null || d === -1 ? [] : [d])));
  const [at] = open;
  if (at === undefined) {
    if (typeof total === 'number' && typeof known === 'number' && total !== known) {
      misfit(
        context,
        `${total} elements ${printShape(from)} do not fill ${printed()}, which holds ${known}`,
        'If the model was exported with a fixed batch, export it with an open one (-1 in the target shape)',
      );
    }
  } else if (open.length === 1 && !(known === 0 && shape[at] === null)) {
    if (typeof total === 'number' && typeof known === 'number' && (known === 0 ? total !== 0 : total % known !== 0)) {
      misfit(context, `${total} elements ${printShape(from)} do not fill ${printed()}`);
    }
    shape[at] = known === 0 ? 0 : floorDivDim(total, known);
  }
  return shape.map((d) => (d === null || d === -1 ? context.unknownDim(null, valuesOf(1, 'shape')) : d));
}

export const flatten: OpDef = defineOp({
  name: 'Flatten',
  since: [1, 9, 11, 13, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { axis: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const rank = x.shape.length;
    const given = intAttribute(context, 'axis', 1);
    const axis = given === rank ? rank : normalizeAxis(context, given, rank);
    return [{ dtype: x.dtype, shape: [productDim(x.shape.slice(0, axis)), productDim(x.shape.slice(axis))] }];
  },
  evaluate: copyInput,
  contents: passedContents,
});

/** Axes of Squeeze and Unsqueeze: an attribute before opset 13, an input from then on. Not given, how many are not known, or a list. */
function axesOf(context: InferContext): 'none' | null | readonly Element[] {
  const stated = intsAttribute(context, 'axes');
  if (stated !== null) return stated;
  return hasInput(context, 1) ? listElements(context, 1) : 'none';
}

function allNumbers(list: readonly Element[]): readonly number[] | null {
  const numbers = list.filter((e) => typeof e === 'number');
  return numbers.length === list.length ? numbers : null;
}

/** What is left of `shape` when `count` axes that only the run names go. */
function squeezedSomewhere(context: InferContext, shape: readonly Dim[], count: number): readonly Dim[] {
  const fixed = shape.filter((d) => d !== 1);
  const rank = shape.length - count;
  if (rank < 0) misfit(context, `${count} axes cannot go from ${printShape(shape)}`);
  // Only axes of size 1 can go: where there are just as many, they are the ones.
  if (fixed.length === rank && fixed.every((d) => typeof d === 'number')) return fixed;
  return Array.from({ length: rank }, (_, i) => oneOf(context, shape.slice(i, i + count + 1), valuesOf(1, 'axes')));
}

export const squeeze: OpDef = defineOp({
  name: 'Squeeze',
  since: [1, 11, 13, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const given = axesOf(context);
    if (given === 'none') return [{ dtype: x.dtype, shape: x.shape.filter((d) => d !== 1) }];
    if (given === null) return [{ dtype: x.dtype, shape: [], unranked: true }];
    const axes = allNumbers(given)?.map((a) => normalizeAxis(context, a, x.shape.length, 'axes'));
    if (axes === undefined) return [{ dtype: x.dtype, shape: squeezedSomewhere(context, x.shape, given.length) }];
    for (const axis of axes) {
      const d = x.shape[axis];
      if (typeof d === 'number' && d !== 1) misfit(context, `axis ${axis} of ${printShape(x.shape)} is ${d}, only axes of size 1 can go`);
    }
    return [{ dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) }];
  },
  evaluate: copyInput,
  contents: passedContents,
});

export const unsqueeze: OpDef = defineOp({
  name: 'Unsqueeze',
  since: [1, 11, 13, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const given = axesOf(context);
    if (given === 'none') return badAttribute(context, 'axes', 'missing', 'where to put the new axes');
    if (given === null) return [{ dtype: x.dtype, shape: [], unranked: true }];
    const rank = x.shape.length + given.length;
    const axes = allNumbers(given)?.map((a) => normalizeAxis(context, a, rank, 'axes'));
    if (axes === undefined) {
      const padded = [...new Array<Dim>(given.length).fill(1), ...x.shape, ...new Array<Dim>(given.length).fill(1)];
      return [
        {
          dtype: x.dtype,
          shape: Array.from({ length: rank }, (_, i) => oneOf(context, [1, ...padded.slice(i, i + given.length + 1)], valuesOf(1, 'axes'))),
        },
      ];
    }
    const fresh = new Set(axes);
    if (fresh.size !== axes.length) badAttribute(context, 'axes', `[${axes.join(', ')}]`, 'each axis once');
    const rest = [...x.shape];
    return [{ dtype: x.dtype, shape: Array.from({ length: rank }, (_, i) => (fresh.has(i) ? 1 : (rest.shift() ?? 1))) }];
  },
  evaluate: copyInput,
  contents: passedContents,
});

export const identity: OpDef = defineOp({
  name: 'Identity',
  since: [1, 13, 14, 16, 19, 21, 23, 24, 25],
  kernelClass: 'move',
  infer: (context) => [requiredType(context, 0, 'input')],
  evaluate: copyInput,
  contents: passedContents,
});

/** At inference Dropout passes its input on; its mask, if asked for, is all true. While training (from opset 12 on) it drops elements. */
export const dropout: OpDef = defineOp({
  name: 'Dropout',
  since: [1, 6, 7, 10, 12, 13, 22],
  kernelClass: 'move',
  attributes: { ratio: 0.5, seed: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const mask: TensorType = { dtype: context.opset >= 10 ? 'bool' : x.dtype, shape: x.shape };
    return [x, mask];
  },
  evaluate(context) {
    const [ratio, training] = [context.inputs[1] ?? null, context.inputs[2] ?? null];
    const dropped = ratio === null ? 0.5 : (numbersOf(ratio)[0] ?? 0.5);
    if (training !== null && Number(training.data[0]) !== 0 && dropped !== 0) return trainingDropout(context, dropped);
    const [y] = copyInput(context);
    if (y === undefined || context.outputs.length === 1) return y === undefined ? [] : [y];
    const mask = outputType(context, 1);
    return [y, tensorOf(mask.dtype, mask.shape, new Float32Array(elementCount(y.shape)).fill(1))];
  },
});

export const viewOps: readonly OpDef[] = [reshape, flatten, squeeze, unsqueeze, identity, dropout];
