/**
 * Running sums and products in ⌈log₂ n⌉ steps: what every position holds is joined with what the position 1, 2, 4, … before it holds. Sums of floats are
 * so rounded in another order than one after the other: at most ⌈log₂ n⌉ times each.
 */
import { attributeInt } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { constantInts } from '../kernels/values.ts';
import { dtypeCode } from './float-types.ts';
import type { Rule, Rules } from './rule.ts';

const running =
  (join: 'Add' | 'Mul'): Rule =>
  (w, node) => {
    const [x = null, axisValue = null] = node.inputs;
    if (x === null || axisValue === null || w.shape(x).includes(0)) return null;
    const [given] = constantInts(w.value(axisValue)) ?? [];
    if (given === undefined) return { reason: 'its axis is computed at run time' };
    const shape = w.shape(x);
    const axis = (given + shape.length) % shape.length;
    const size = shape[axis] ?? 1;
    const reverse = attributeInt(node, 'reverse', 0) !== 0;
    const { dtype } = w.value(x).type;
    const neutral = (count: number): ValueId => {
      const extents = shape.map((d, i) => (i === axis ? count : d));
      return w.op('Expand', [w.op('Cast', [w.float(join === 'Add' ? 0 : 1)], { to: dtypeCode(dtype) }), w.ints(extents)]);
    };
    /** x with every element `by` places further on, nothing in the first ones. */
    const moved = (y: ValueId, by: number): ValueId => {
      if (by >= size) return neutral(size);
      const parts = reverse ? [w.slice(y, axis, by, size), neutral(by)] : [neutral(by), w.slice(y, axis, 0, size - by)];
      return w.concat(parts, axis);
    };
    if (!['float32', 'float16', 'bfloat16', 'int32'].includes(dtype)) return { reason: `its elements are ${dtype}` };
    let y = attributeInt(node, 'exclusive', 0) !== 0 ? moved(x, 1) : x;
    for (let by = 1; by < size; by *= 2) y = w.op(join, [y, moved(y, by)]);
    return [y === x ? w.op('Identity', [x]) : y];
  };

export const runningRules: Rules = { CumSum: running('Add'), CumProd: running('Mul') };
