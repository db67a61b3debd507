/** BatchNormalization that no convolution took in: its statistics come from the run, or its numbers are 16-bit floats. */
import { attributeFloat, attributeInt } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import type { Rule, Rules } from './rule.ts';

/** %y = BatchNormalization(%x, %scale, %b, %mean, %var)  =>  (%x - %mean) · (%scale / √(%var + ε)) + %b */
const batchNormalization: Rule = (w, node) => {
  const [x = null, scale = null, shift = null, mean = null, variance = null] = node.inputs;
  if (x === null || scale === null || shift === null || mean === null || variance === null) return null;
  if (attributeInt(node, 'training_mode', 0) !== 0 || node.outputs.length > 1) return { reason: 'it computes statistics of its own' };
  const rank = w.shape(x).length;
  const version = node.version ?? w.opset;
  if (version < 9 && attributeInt(node, 'spatial', 1) === 0) return { reason: 'it normalizes every position by itself (spatial 0)' };
  if (rank < 2 || [scale, shift, mean, variance].some((id) => w.value(id).type.dtype !== w.value(x).type.dtype)) return null;
  const column = (id: ValueId): ValueId => w.reshape(id, [w.shape(id)[0] ?? 1, ...Array.from({ length: rank - 2 }, () => 1)]);
  const epsilon = w.float(Math.fround(attributeFloat(node, 'epsilon', 1e-5)));
  const factor = w.op('Div', [scale, w.op('Sqrt', [w.op('Add', [variance, epsilon])])]);
  const centred = w.op('Sub', [x, column(mean)]);
  return [w.op('Add', [w.op('Mul', [centred, column(factor)]), column(shift)])];
};

export const normalizationRules: Rules = { BatchNormalization: batchNormalization };
