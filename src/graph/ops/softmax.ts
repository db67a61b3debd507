import { elementCount, log64, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { roundingOf } from './elements.ts';
import { functionsOf } from './functions.ts';
import { allocate, numbersOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  intAttribute,
  normalizeAxis,
  outputType,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

/** Before opset 13 the input is seen as a matrix, cut at `axis` (default 1); from then on one axis (default -1) is normalized. */
export function axisRegion(context: OpContext, shape: readonly number[]): { outer: number; length: number; inner: number } {
  const rank = shape.length;
  if (context.opset < 13) {
    const given = intAttribute(context, 'axis', 1);
    const axis = given === rank ? rank : rank === 0 ? 0 : normalizeAxis(context, given, rank);
    return { outer: elementCount(shape.slice(0, axis)), length: elementCount(shape.slice(axis)), inner: 1 };
  }
  if (rank === 0) return { outer: 1, length: 1, inner: 1 };
  const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), rank);
  return { outer: elementCount(shape.slice(0, axis)), length: shape[axis] ?? 1, inner: elementCount(shape.slice(axis + 1)) };
}

/** The type of the input. @throws SYS3013 where the axis is none of it */
export function inferAlongAxis(context: InferContext): readonly TensorType[] {
  const x = requiredType(context, 0, 'input');
  axisRegion(
    context,
    x.shape.map(() => 1),
  );
  return [x];
}

function evaluate(context: EvaluateContext, logarithm: boolean): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'input');
  const type = outputType(context);
  const { outer, length, inner } = axisRegion(context, x.shape);
  const source = numbersOf(x);
  const out = allocate(x.dtype, source.length);
  const round = roundingOf(x.dtype);
  const { exp } = functionsOf(context);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * length * inner + i;
      const end = start + length * inner;
      let max = -Infinity;
      for (let at = start; at < end; at += inner) max = Math.max(max, source[at] ?? 0);
      let sum = 0;
      for (let at = start; at < end; at += inner) {
        const e = round(exp(round((source[at] ?? 0) - max)));
        out[at] = e;
        sum = round(sum + e);
      }
      if (logarithm) {
        const logSum = round(log64(sum));
        for (let at = start; at < end; at += inner) out[at] = round((source[at] ?? 0) - max) - logSum;
      } else {
        for (let at = start; at < end; at += inner) out[at] = (out[at] ?? 0) / sum;
      }
    }
  }
  return [tensorOf(type.dtype, type.shape, out)];
}

/** y = e^(x - max) / Σ e^(x - max), the sum in fp32 along the axis in order. */
export const softmax: OpDef = defineOp({
  name: 'Softmax',
  since: [1, 11, 13],
  kernelClass: 'softmax',
  attributes: { axis: 'computed' },
  infer: inferAlongAxis,
  evaluate: (context) => evaluate(context, false),
});

/** y = (x - max) - ln Σ e^(x - max) */
export const logSoftmax: OpDef = defineOp({
  name: 'LogSoftmax',
  since: [1, 11, 13],
  kernelClass: 'softmax',
  attributes: { axis: 'computed' },
  infer: inferAlongAxis,
  evaluate: (context) => evaluate(context, true),
});
