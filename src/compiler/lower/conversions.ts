/** Conversions with scales of their own: one for each block of an axis, or made from the data. */
import { isFloat } from '../../core/index.ts';
import { attributeInt } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import { numberOf } from './ranking.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** One number for each element out of one for each block along an axis; null where the node has no blocks. */
function perElement(w: Writer, node: Node, x: ValueId, given: ValueId): ValueId | null {
  const block = attributeInt(node, 'block_size', 0);
  const [shape, blocks] = [w.shape(x), w.shape(given)];
  if (block < 1 || blocks.length !== shape.length || shape.length === 0 || shape.includes(0)) return null;
  const axis = (attributeInt(node, 'axis', 1) + shape.length) % shape.length;
  const before = shape.slice(0, axis);
  const after = shape.slice(axis + 1);
  const count = blocks[axis] ?? 1;
  const single = w.reshape(given, [...before, count, 1, ...after]);
  const spread = w.op('Expand', [single, w.ints([...before, count, block, ...after])]);
  return w.slice(w.reshape(spread, [...before, count * block, ...after]), axis, 0, shape[axis] ?? 1);
}

/** (x − zero point) · scale; floats of 8 bits have no zero point but 0 */
const dequantize: Rule = (w, node) => {
  const [x = null, scale = null, zero = null] = node.inputs;
  if (x === null || scale === null) return null;
  const scales = perElement(w, node, x, scale);
  if (scales === null) return null;
  const real = (id: ValueId): ValueId => w.op('Cast', [id], { to: dtypeCode(w.value(scale).type.dtype) });
  const zeros = zero === null || isFloat(w.value(x).type.dtype) ? null : perElement(w, node, x, zero);
  const centred = zeros === null ? real(x) : w.op('Sub', [real(x), real(zeros)]);
  return [w.op('Mul', [centred, scales])];
};

/** The integer next to x / scale, ties to even, plus the zero point, saturated: the last step quantizes by a scale of 1. */
const quantize: Rule = (w, node) => {
  const [x = null, scale = null, zero = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || scale === null || out === undefined) return null;
  const { dtype } = w.value(out).type;
  const scales = perElement(w, node, x, scale);
  if (scales === null) return null;
  if (isFloat(dtype))
    return [w.op('Cast', [w.op('Div', [x, scales])], { to: dtypeCode(dtype), saturate: attributeInt(node, 'saturate', 1) })];
  const zeros = zero === null ? null : perElement(w, node, x, zero);
  const whole = w.op('Round', [w.op('Div', [x, scales])]);
  const shifted = zeros === null ? whole : w.op('Add', [whole, w.op('Cast', [zeros], { to: dtypeCode('float32') })]);
  return [w.op('QuantizeLinear', [shifted, w.float(1), numberOf(w, dtype, 0)])];
};

/** Scale and zero point from the smallest and largest element, 0 among them; see docs/numerics.md. */
const dynamic: Rule = (w, node) => {
  const [x = null] = node.inputs;
  if (x === null || w.shape(x).includes(0) || w.value(x).type.dtype !== 'float32') return null;
  const zero = w.float(0);
  // How far the range goes below 0, and above.
  const below = w.op('Neg', [w.op('Min', [w.op('ReduceMin', [x], { keepdims: 0 }), zero])]);
  const above = w.op('Max', [w.op('ReduceMax', [x], { keepdims: 0 }), zero]);
  const scale = w.op('systole.SpanStep', [w.op('Add', [above, below])]);
  const point = w.op('QuantizeLinear', [below, scale, numberOf(w, 'uint8', 0)]);
  return [w.op('QuantizeLinear', [x, scale, point]), scale, point].slice(0, node.outputs.length);
};

export const conversionRules: Rules = { DequantizeLinear: dequantize, QuantizeLinear: quantize, DynamicQuantizeLinear: dynamic };
