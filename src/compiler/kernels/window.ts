/** Pooling. */
import { attributeInt, attributeInts, type Node } from '../../graph/index.ts';
import { imageShape, windowAttributes } from './contraction.ts';
import { epiloguePlan, groupOutput, wrongRank, wrongType, type NotHere, type SelectContext } from './context.ts';
import type { PoolKernel } from './spec.ts';
import { isPlainFloat } from './values.ts';
import { perTensor } from './vector-plan.ts';

export function selectPool(cx: SelectContext, node: Node): PoolKernel | NotHere {
  const input = cx.graph.values[node.inputs[0] as number];
  const output = cx.graph.values[node.outputs[0] as number];
  if (input === undefined || output === undefined) throw new Error('pool without operands');
  // Maxima are elements as they stand.
  const ordered = node.op !== 'AveragePool' && (input.type.dtype === 'int8' || input.type.dtype === 'uint8');
  if (!isPlainFloat(input) && input.quantization === null && !ordered) return wrongType(input);
  if (node.outputs.length > 1)
    return {
      reason: 'its second output, the indices, is read',
      fix: 'export without the indices (return_indices, MaxUnpool): MaxPool alone runs on the vector engine',
    };
  const x = cx.views.view(input.id);
  const anchor = cx.views.view(output.id);
  const rank = x.shape.length - 2;
  if (rank > 2 || rank < 1) return wrongRank('pooling', rank);
  const [batch = 1, channels = 1, ih = 1, iw = 1] = imageShape(x);
  const [, , oh = 1, ow = 1] = imageShape(anchor);
  const global = node.op === 'GlobalMaxPool';
  const k = attributeInts(node, 'kernel_shape', []);
  const kernel: readonly [number, number] = global ? [ih, iw] : rank === 1 ? [1, k[0] ?? 1] : [k[0] ?? 1, k[1] ?? 1];
  const window = windowAttributes(node, kernel, [ih, iw], [oh, ow], rank);
  const [top, left, bottom, right] = window.pads;
  const includePad = attributeInt(node, 'count_include_pad', 0) === 1;
  const pool = node.op === 'AveragePool' ? 'average' : 'max';
  const quantized = output.quantization !== null && input.quantization !== null;
  const equal = quantized && perTensor(input).scale === perTensor(output).scale && perTensor(input).zero === perTensor(output).zero;
  const epilogue = epiloguePlan(cx, cx.epilogue, output.id);
  if (anchor.shape.join() !== groupOutput(cx).shape.join()) return { reason: 'the epilogue broadcasts its anchor' };
  // Tiles cut the planes of all images as one axis, so operands must walk them as one.
  const walksPlanes = epilogue === null || epilogue.operands.every(({ strides: [b = 0, c = 0] }) => batch === 1 || b === c * channels);
  if (!walksPlanes) return { reason: 'an operand of the epilogue is broadcast over the batch' };
  if (pool === 'max' && quantized && !equal) return { reason: 'input and output of the pooling are quantized differently' };
  return {
    kind: 'pool',
    name: cx.name,
    origin: cx.origin,
    class: 'window',
    engine: 'vector',
    dtype: x.dtype,
    macs: 0,
    out: groupOutput(cx),
    nodes: cx.group,
    pool,
    x,
    batch,
    channels,
    ih,
    iw,
    oh,
    ow,
    kernel,
    strides: window.strides,
    dilations: window.dilations,
    padTop: top,
    padLeft: left,
    countBox: includePad ? [-top, -left, ih + bottom, iw + right] : [0, 0, ih, iw],
    xZero: quantized && pool === 'average' ? perTensor(input).zero : 0,
    multiplier: quantized && pool === 'average' ? Math.fround(perTensor(input).scale / perTensor(output).scale) : 1,
    outZero: quantized && pool === 'average' ? perTensor(output).zero : 0,
    epilogue,
  };
}
