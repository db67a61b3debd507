/** Losses of training: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss. */
import { elementCount, exp64, log64, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { roundingOf } from './elements.ts';
import { allocate, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

function lossType(context: InferContext): TensorType {
  const x = requiredType(context, 0, 'input');
  const target = requiredType(context, 1, 'target');
  const reduction = stringAttribute(context, 'reduction', 'mean');
  if (!['none', 'sum', 'mean'].includes(reduction)) badAttribute(context, 'reduction', `"${reduction}"`, 'none, sum, mean');
  if (x.shape.length < 2 || target.shape.length !== x.shape.length - 1) {
    misfit(
      context,
      `the input ${printShape(x.shape)} and the target ${printShape(target.shape)} are not [batch, classes, …] and [batch, …]`,
    );
  }
  return { dtype: x.dtype, shape: reduction === 'none' ? target.shape : [] };
}

/** -weight[target] · x[target], 0 where the target is to be ignored; `mean` divides by the sum of the weights. */
function likelihoodLoss(context: EvaluateContext, x: Numbers, shape: readonly number[], dtype: Tensor['dtype']): Tensor {
  const target = requiredTensor(context, 1, 'target');
  const classes = numbersOf(target);
  const weights = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'weight')) : null;
  const ignored = context.node.attributes['ignore_index'] === undefined ? null : intAttribute(context, 'ignore_index', 0);
  const count = shape[1] ?? 1;
  const inner = elementCount(shape.slice(2));
  const round = roundingOf(dtype);
  const losses = allocate(dtype, classes.length);
  let total = 0;
  let weightSum = 0;
  for (let i = 0; i < losses.length; i++) {
    const c = classes[i] ?? 0;
    if (c === ignored) continue;
    if (c < 0 || c >= count) misfit(context, `target ${c} is none of the ${count} classes`);
    const at = (Math.floor(i / inner) * count + c) * inner + (i % inner);
    const weight = weights?.[c] ?? 1;
    const loss = round(-(x[at] ?? 0) * weight);
    losses[i] = loss;
    total = round(total + loss);
    weightSum = round(weightSum + weight);
  }
  switch (stringAttribute(context, 'reduction', 'mean')) {
    case 'none':
      return tensorOf(dtype, target.shape, losses);
    case 'sum':
      return tensorOf(dtype, [], [total]);
    default:
      return tensorOf(dtype, [], [total / weightSum]);
  }
}

export const negativeLogLikelihoodLoss: OpDef = defineOp({
  name: 'NegativeLogLikelihoodLoss',
  since: [12, 13, 22],
  kernelClass: 'host',
  attributes: { ignore_index: 'computed', reduction: 'mean' },
  infer: (context) => [lossType(context)],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    return [likelihoodLoss(context, numbersOf(x), x.shape, x.dtype)];
  },
});

export const softmaxCrossEntropyLoss: OpDef = defineOp({
  name: 'SoftmaxCrossEntropyLoss',
  since: [12, 13],
  kernelClass: 'host',
  attributes: { ignore_index: 'computed', reduction: 'mean' },
  infer(context) {
    const x = requiredType(context, 0, 'scores');
    return [lossType(context), x];
  },
  /** The loss of x - max - ln Σ e^(x - max) over the classes (axis 1), which is output 1. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'scores');
    const source = numbersOf(x);
    const round = roundingOf(x.dtype);
    const classes = x.shape[1] ?? 1;
    const inner = elementCount(x.shape.slice(2));
    const logs = allocate(x.dtype, source.length);
    for (let o = 0; o < (x.shape[0] ?? 1); o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * classes * inner + i;
        const end = start + classes * inner;
        let top = -Infinity;
        for (let at = start; at < end; at += inner) top = Math.max(top, source[at] ?? 0);
        let sum = 0;
        for (let at = start; at < end; at += inner) sum = round(sum + round(exp64(round((source[at] ?? 0) - top))));
        const logSum = round(log64(sum));
        for (let at = start; at < end; at += inner) logs[at] = round((source[at] ?? 0) - top) - logSum;
      }
    }
    return [likelihoodLoss(context, logs, x.shape, x.dtype), tensorOf(x.dtype, x.shape, logs)].slice(0, context.outputs.length);
  },
});

export const lossOps: readonly OpDef[] = [negativeLogLikelihoodLoss, softmaxCrossEntropyLoss];
