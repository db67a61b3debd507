/** Running sums and products along an axis: CumSum, CumProd. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { allocate, numbersOf, tensorOf } from './numbers.ts';
import { defineOp, intAttribute, misfit, normalizeAxis, requiredTensor, requiredType, type EvaluateContext, type OpDef } from './op-def.ts';

function cumulativeOp(name: 'CumSum' | 'CumProd', since: readonly number[]): OpDef {
  return defineOp({
    name,
    since,
    kernelClass: 'host',
    attributes: { exclusive: 0, reverse: 0 },
    infer(context) {
      const x = requiredType(context, 0, 'x');
      requiredType(context, 1, 'axis');
      if (x.shape.length === 0) misfit(context, 'the input is a scalar', 'Give a tensor of rank 1 or more');
      return [x];
    },
    evaluate: (context) => [cumulative(context, name === 'CumSum')],
  });
}

/** In order along the axis (from its end when reversed), rounded after every step; exclusive: what comes before. */
function cumulative(context: EvaluateContext, sum: boolean): Tensor {
  const x = requiredTensor(context, 0, 'x');
  const axis = normalizeAxis(context, numbersOf(requiredTensor(context, 1, 'axis'))[0] ?? 0, x.shape.length);
  const exclusive = intAttribute(context, 'exclusive', 0) !== 0;
  const reverse = intAttribute(context, 'reverse', 0) !== 0;
  const size = x.shape[axis] ?? 1;
  const inner = elementCount(x.shape.slice(axis + 1));
  const outer = elementCount(x.shape.slice(0, axis));
  const walk = (visit: (at: number, before: number) => void): void => {
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < size; k++) {
        const at = (o * size + (reverse ? size - 1 - k : k)) * inner;
        const before = k === 0 ? -1 : at + (reverse ? inner : -inner);
        for (let i = 0; i < inner; i++) visit(at + i, before < 0 ? -1 : before + i);
      }
    }
  };
  if (x.data instanceof BigInt64Array || x.data instanceof BigUint64Array) {
    const source = x.data;
    const out = source.slice();
    const start = sum ? 0n : 1n;
    walk((at, before) => {
      const last = before < 0 ? start : (out[before] ?? 0n);
      const next = exclusive ? (before < 0 ? start : (source[before] ?? 0n)) : (source[at] ?? 0n);
      out[at] = exclusive && before < 0 ? start : sum ? last + next : last * next;
    });
    return { dtype: x.dtype, shape: x.shape, data: out };
  }
  const source = numbersOf(x);
  const out = allocate(x.dtype, source.length);
  const start = sum ? 0 : 1;
  walk((at, before) => {
    if (before < 0) {
      out[at] = exclusive ? start : (source[at] ?? 0);
      return;
    }
    const next = source[exclusive ? before : at] ?? 0;
    out[at] = sum ? (out[before] ?? 0) + next : (out[before] ?? 0) * next;
  });
  return tensorOf(x.dtype, x.shape, out);
}

export const cumulativeOps: readonly OpDef[] = [cumulativeOp('CumSum', [11, 14]), cumulativeOp('CumProd', [26])];
