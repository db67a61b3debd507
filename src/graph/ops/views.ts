/** Operators that only rename the same row-major elements, and the arithmetic of their shapes. */
import type { Tensor } from '../../core/index.ts';
import { floorDivDim, productDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { reshaped, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  intsAttribute,
  knownDims,
  knownInts,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

function copyInput(context: EvaluateContext): readonly Tensor[] {
  return [reshaped(requiredTensor(context, 0, 'data'), outputType(context).shape)];
}

const contentsOfInput = (context: InferContext): readonly Dim[] | null => context.dims(0);

export const reshape: OpDef = defineOp({
  name: 'Reshape',
  since: [1, 5, 13, 14, 19, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { allowzero: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const target = knownDims(context, 1, 'shape');
    const keepZero = intAttribute(context, 'allowzero', 0) !== 0;
    const shape = target.map((d, i) => {
      if (d !== 0 || keepZero) return d;
      return (
        x.shape[i] ??
        misfit(context, `the target ${printShape(target)} copies axis ${i}, which the input ${printShape(x.shape)} does not have`)
      );
    });
    const total = productDim(x.shape);
    const open = shape.flatMap((d, i) => (d === -1 ? [i] : []));
    if (open.length > 1) misfit(context, `the target ${printShape(target)} leaves more than one axis open (-1)`);
    const known = productDim(shape.filter((d) => d !== -1));
    const [at] = open;
    if (at !== undefined) {
      if (typeof total === 'number' && typeof known === 'number' && (known === 0 ? total !== 0 : total % known !== 0)) {
        misfit(context, `${total} elements ${printShape(x.shape)} do not fill ${printShape(target)}`);
      }
      shape[at] = known === 0 ? 0 : floorDivDim(total, known);
    } else if (typeof total === 'number' && typeof known === 'number' && total !== known) {
      misfit(
        context,
        `${total} elements ${printShape(x.shape)} do not fill ${printShape(target)}, which holds ${known}`,
        'If the model was exported with a fixed batch, export it with an open one (-1 in the target shape)',
      );
    }
    return [{ dtype: x.dtype, shape }];
  },
  evaluate: copyInput,
  contents: contentsOfInput,
});

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
});

/** Axes of Squeeze and Unsqueeze: an attribute before opset 13, an input from then on. */
function axesOf(context: InferContext): readonly number[] | null {
  return intsAttribute(context, 'axes') ?? (hasInput(context, 1) ? knownInts(context, 1, 'axes') : null);
}

export const squeeze: OpDef = defineOp({
  name: 'Squeeze',
  since: [1, 11, 13, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const axes = axesOf(context)?.map((a) => normalizeAxis(context, a, x.shape.length, 'axes'));
    for (const axis of axes ?? []) {
      const d = x.shape[axis];
      if (typeof d === 'number' && d !== 1) misfit(context, `axis ${axis} of ${printShape(x.shape)} is ${d}, only axes of size 1 can go`);
    }
    return [{ dtype: x.dtype, shape: x.shape.filter((d, i) => (axes === undefined ? d !== 1 : !axes.includes(i))) }];
  },
  evaluate: copyInput,
  contents: contentsOfInput,
});

export const unsqueeze: OpDef = defineOp({
  name: 'Unsqueeze',
  since: [1, 11, 13, 21, 23, 24, 25],
  kernelClass: 'move',
  attributes: { axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const given = axesOf(context) ?? badAttribute(context, 'axes', 'missing', 'where to put the new axes');
    const rank = x.shape.length + given.length;
    const axes = new Set(given.map((a) => normalizeAxis(context, a, rank, 'axes')));
    if (axes.size !== given.length) badAttribute(context, 'axes', `[${given.join(', ')}]`, 'each axis once');
    const rest = [...x.shape];
    return [{ dtype: x.dtype, shape: Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.shift() ?? 1))) }];
  },
  evaluate: copyInput,
  contents: contentsOfInput,
});

export const identity: OpDef = defineOp({
  name: 'Identity',
  since: [1, 13, 14, 16, 19, 21, 23, 24, 25],
  kernelClass: 'move',
  infer: (context) => [requiredType(context, 0, 'input')],
  evaluate: copyInput,
  contents: contentsOfInput,
});

/** At inference Dropout passes its input on; its mask, if asked for, is all true. */
export const dropout: OpDef = defineOp({
  name: 'Dropout',
  since: [1, 6, 7, 10, 12, 13, 22],
  kernelClass: 'move',
  attributes: { ratio: 0.5, seed: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const training = context.tensor(2);
    if (training !== null && Number(training.data[0]) !== 0) {
      misfit(context, 'its training_mode is true', 'Export the model for inference');
    }
    const mask: TensorType = { dtype: context.opset >= 10 ? 'bool' : x.dtype, shape: x.shape };
    return [x, mask];
  },
  evaluate(context) {
    const [y] = copyInput(context);
    if (y === undefined || context.outputs.length === 1) return y === undefined ? [] : [y];
    const mask = outputType(context, 1);
    return [y, tensorOf(mask.dtype, mask.shape, new Float32Array(y.data.length).fill(1))];
  },
});

export const viewOps: readonly OpDef[] = [reshape, flatten, squeeze, unsqueeze, identity, dropout];
