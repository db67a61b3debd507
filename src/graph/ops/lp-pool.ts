/** Pooling by p-norm: LpPool, GlobalLpPool. */
import { elementCount, pow64, type Tensor } from '../../core/index.ts';
import { powerOf } from './group-normalization.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import { badAttribute, defineOp, intAttribute, outputType, requiredTensor, type EvaluateContext, type OpDef } from './op-def.ts';
import { globalPlan, globalType, poolPlan, poolType, sumOverWindows, windowAttributes, type PoolPlan } from './pool.ts';

/** (Σ |x|^p)^(1/p) over each window; taps in the padding are 0. */
function normOverWindows(context: EvaluateContext, plan: PoolPlan): Tensor {
  const type = outputType(context);
  const p = normOf(context);
  const powers = floatsOf(requiredTensor(context, 0, 'X')).map((v) => powerOf(v, p));
  const out = new Float32Array(elementCount(type.shape));
  sumOverWindows(plan, powers, 0, (sum, _, at) => {
    out[at] = p === 1 ? sum : p === 2 ? Math.sqrt(sum) : pow64(sum, 1 / p);
  });
  return tensorOf(type.dtype, type.shape, out);
}

function normOf(context: EvaluateContext): number {
  const p = intAttribute(context, 'p', 2);
  return p < 1 ? badAttribute(context, 'p', String(p), 'a whole number from 1') : p;
}

export const lpPoolOps: readonly OpDef[] = [
  defineOp({
    name: 'LpPool',
    since: [1, 2, 11, 18, 22],
    kernelClass: 'host',
    attributes: { ...windowAttributes, p: 2 },
    infer: (context) => [poolType(context)],
    evaluate: (context) => [normOverWindows(context, poolPlan(context, requiredTensor(context, 0, 'X').shape, outputType(context).shape))],
  }),
  defineOp({
    name: 'GlobalLpPool',
    since: [1, 2, 22],
    kernelClass: 'host',
    attributes: { p: 2 },
    infer: (context) => [globalType(context)],
    evaluate: (context) => [normOverWindows(context, globalPlan(requiredTensor(context, 0, 'X').shape))],
  }),
];
