/** Which operators carry a quantization from operand to result, and which can be given one of their own. */
import { attributeString, opDef } from '../../graph/index.ts';
import type { Node } from '../../graph/ir.ts';

/** Results are elements of operand 0, chosen or put elsewhere. Pad adds its constant, quantized. */
const copies: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Dropout',
  'Transpose',
  'Slice',
  'Split',
  'Expand',
  'Tile',
  'Pad',
  'DepthToSpace',
  'SpaceToDepth',
  'Gather',
  'GatherElements',
  'GatherND',
  'ReverseSequence',
]);

function isOnnx(node: Node): boolean {
  return node.domain === '' || node.domain === 'ai.onnx';
}

export function isCopy(node: Node): boolean {
  if (!isOnnx(node)) return false;
  if (node.op === 'Resize' || node.op === 'Upsample') return attributeString(node, 'mode', 'nearest') === 'nearest' && !extrapolates(node);
  return copies.has(node.op);
}

/** Positions outside the image get a number of their own, which is no element. */
function extrapolates(node: Node): boolean {
  return attributeString(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize';
}

/** Largest elements: quantizing is monotone, so it may come before or after. */
export function isMaximum(node: Node): boolean {
  return isOnnx(node) && (node.op === 'MaxPool' || node.op === 'GlobalMaxPool');
}

/** Monotone functions of one operand that a clamp of quantized numbers equals. */
export function isClamp(node: Node): boolean {
  return isOnnx(node) && (node.op === 'Relu' || node.op === 'Clip');
}

export function isConcat(node: Node): boolean {
  return isOnnx(node) && node.op === 'Concat';
}

export function isContraction(node: Node): boolean {
  return isOnnx(node) && (node.op === 'Conv' || node.op === 'ConvTranspose' || node.op === 'Gemm' || node.op === 'MatMul');
}

/** Reductions and windows that have a rule for quantized operand and result. */
const summaries: ReadonlySet<string> = new Set([
  'AveragePool',
  'GlobalAveragePool',
  'ReduceMean',
  'Softmax',
  'LogSoftmax',
  'Resize',
  'Upsample',
]);

export function isSummary(node: Node): boolean {
  return isOnnx(node) && summaries.has(node.op);
}

/** Changes of representation are not arithmetic. */
const conversions: ReadonlySet<string> = new Set(['Cast', 'CastLike', 'BitCast', 'QuantizeLinear', 'DequantizeLinear']);

/** A conversion of ai.onnx or com.microsoft: other domains may mean anything by the name. */
export function converts(node: Node, op: 'QuantizeLinear' | 'DequantizeLinear'): boolean {
  return node.op === op && opDef(node.domain, op) !== undefined;
}

/** Elementwise arithmetic: computed in fp32 between dequantizing and quantizing. */
export function isArithmetic(node: Node): boolean {
  if (node.outputs.length !== 1 || conversions.has(node.op)) return false;
  return opDef(node.domain, node.op)?.kernelClass === 'elementwise';
}

/** Operators on sequences and bodies, and unknown ones: they see values as the file types them. */
export function needsPlainValues(node: Node): boolean {
  const def = opDef(node.domain, node.op);
  return def === undefined || def.evaluateValues !== undefined || Object.values(node.attributes).some((a) => a.kind === 'graph');
}
