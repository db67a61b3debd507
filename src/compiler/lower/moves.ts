/** Data movement into one output each. */
import { attributeInt } from '../../graph/index.ts';
import { constantInts } from '../kernels/values.ts';
import type { Rule, Rules } from './rule.ts';

/** %a, %b = Split(%x)  =>  %a = Slice(%x), %b = Slice(%x) */
const split: Rule = (w, node) => {
  const [x = null, sizes = null] = node.inputs;
  if (x === null || node.outputs.length < 2) return null;
  if (sizes !== null && constantInts(w.value(sizes)) === null) return { reason: 'the sizes of its parts are computed at run time' };
  const rank = w.shape(x).length;
  const axis = (attributeInt(node, 'axis', 0) + rank) % rank;
  let at = 0;
  return node.outputs.map((id) => {
    const begin = at;
    at += w.shape(id)[axis] ?? 0;
    return w.slice(x, axis, begin, at);
  });
};

/** Parts without elements are left out. */
const concat: Rule = (w, node) => {
  const parts = node.inputs.filter((id) => id !== null);
  const filled = parts.filter((id) => !w.shape(id).includes(0));
  const rank = w.shape(parts[0] ?? 0).length;
  if (filled.length === parts.length || filled.length === 0) return null;
  return [w.concat(filled, (attributeInt(node, 'axis', 0) + rank) % rank)];
};

export const moveRules: Rules = { Split: split, Concat: concat };
