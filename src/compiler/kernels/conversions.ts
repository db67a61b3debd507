/** Which conversions between element types, and which whole-number arithmetic, the vector engine does exactly as the operators say. */
import type { DType } from '../../core/index.ts';
import { attributeInt, type Graph, type Node, type Value, type ValueId } from '../../graph/index.ts';
import { constantScalar, isPlainFloat, isStoredFloat } from './values.ts';

const integerArithmetic: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul']);

/** Sums, differences and products of plain int32, which wrap; null for other nodes. */
export function integerOpcode(graph: Graph, node: Node): string | null {
  if (node.domain !== '' || !integerArithmetic.has(node.op) || node.inputs.length !== 2) return null;
  const ids = [...node.inputs, ...node.outputs];
  const plain = (id: ValueId | null): boolean => {
    const v = id === null ? undefined : graph.values[id];
    return v !== undefined && v.type.dtype === 'int32' && v.quantization === null;
  };
  return ids.every(plain) ? node.op : null;
}

export function isConversion(node: Node): boolean {
  return node.domain === '' && (node.op === 'QuantizeLinear' || node.op === 'DequantizeLinear' || node.op === 'Cast');
}

/**
 * The same integers read as numbers or as what they stand for: QuantizeLinear of the scale the operand has, DequantizeLinear into a value
 * that keeps integers of that scale.
 */
export function isReading(graph: Graph, node: Node, from: Value, to: Value): boolean {
  if (node.domain !== '' || (node.op !== 'QuantizeLinear' && node.op !== 'DequantizeLinear') || from.type.dtype !== to.type.dtype)
    return false;
  const [, scale, zero] = node.inputs.map((id) => (id === null ? undefined : graph.values[id]));
  const held = node.op === 'QuantizeLinear' ? from.quantization : to.quantization;
  if (scale === undefined || held === null || held.axis !== null) return false;
  return constantScalar(scale) === held.scale[0] && (zero === undefined ? 0 : constantScalar(zero)) === held.zeroPoint[0];
}

/** Types that registers hold exactly. */
const registerTypes: ReadonlySet<DType> = new Set<DType>([
  'float32',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'bool',
]);

/** Scales and zero points: one, or one for each index of an axis, known before the run or not. */
export function canConvert(graph: Graph, node: Node): boolean {
  const [x, scale, zero] = node.inputs;
  const input = valueOf(graph, x as number);
  const output = valueOf(graph, node.outputs[0] as number);
  if (![input, output].every((v) => registerTypes.has(v.type.dtype) || isStoredFloat(v))) return false;
  if (isStoredFloat(input) || isStoredFloat(output)) return convertsStored(node, input, output);
  // DequantizeLinear reads the integers, whatever they stand for.
  if (node.op !== 'DequantizeLinear' && (input.quantization?.axis ?? null) !== null) return false;
  // Other casts may not fit, and then wrap; stores saturate.
  if (node.op === 'Cast')
    return (
      // int32 would be rounded to fp32 on its way to bfloat16.
      (isPlainFloat(output) && !(output.type.dtype === 'bfloat16' && input.type.dtype === 'int32' && input.quantization === null)) ||
      output.quantization !== null ||
      (output.type.dtype === 'int32' && !isPlainFloat(input) && input.quantization === null)
    );
  const parameters = [scale, zero].flatMap((id) => (id === null || id === undefined ? [] : [valueOf(graph, id)]));
  const isLine = (v: Value): boolean => v.type.shape.length <= 1 || v.type.shape.every((d) => d === 1);
  return parameters.every((v) => isLine(v) && v.quantization === null && registerTypes.has(v.type.dtype));
}

/**
 * Between 8-bit floats and floats, by scales or none. Integers become them by way of fp32: what fp32 rounds is beyond their range.
 * (To integers: `wholeForm`.)
 */
function convertsStored(node: Node, input: Value, output: Value): boolean {
  const real = (v: Value): boolean => isPlainFloat(v) || isStoredFloat(v);
  const isWhole = node.op === 'Cast' && input.quantization === null && registerTypes.has(input.type.dtype);
  return (real(input) || isWhole) && real(output) && attributeInt(node, 'block_size', 0) === 0;
}

function valueOf(graph: Graph, id: ValueId): Value {
  const v = graph.values[id];
  if (v === undefined) throw new Error(`no value ${id}`);
  return v;
}
