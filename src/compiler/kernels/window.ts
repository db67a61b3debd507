/** Pooling and softmax. */
import { elementCount } from '../../core/index.ts';
import { attributeInt, attributeInts, type Node } from '../../graph/index.ts';
import { imageShape, windowAttributes } from './contraction.ts';
import { epiloguePlan, groupOutput, type NotHere, type SelectContext } from './context.ts';
import type { PoolKernel, SoftmaxKernel } from './spec.ts';
import { lowerSoftmax, perTensor } from './vector-plan.ts';

export function selectPool(cx: SelectContext, node: Node): PoolKernel | NotHere {
  const input = cx.graph.values[node.inputs[0] as number];
  const output = cx.graph.values[node.outputs[0] as number];
  if (input === undefined || output === undefined) throw new Error('pool without operands');
  if (input.type.dtype !== 'float32' && input.quantization === null) return { reason: `operand ${input.name} is ${input.type.dtype}` };
  if (node.outputs.length > 1) return { reason: 'the indices output of MaxPool' };
  const x = cx.views.view(input.id);
  const anchor = cx.views.view(output.id);
  const rank = x.shape.length - 2;
  if (rank > 2 || rank < 1) return { reason: `${rank}-D pooling: the vector engine runs 1-D and 2-D` };
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

export function selectSoftmax(cx: SelectContext, node: Node): SoftmaxKernel | NotHere {
  const input = cx.graph.values[node.inputs[0] as number];
  const output = cx.graph.values[node.outputs[0] as number];
  if (input === undefined || output === undefined) throw new Error('softmax without operands');
  if (input.type.dtype !== 'float32' && input.quantization === null) return { reason: `operand ${input.name} is ${input.type.dtype}` };
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a softmax' };
  const x = cx.views.view(input.id);
  const rank = x.shape.length;
  // Before opset 13 everything from `axis` (1) on is one row; since then one axis (the last) is.
  const whole = cx.graph.opset < 13;
  const given = attributeInt(node, 'axis', whole ? 1 : -1);
  const axis = given < 0 ? given + rank : given;
  return {
    kind: 'softmax',
    name: cx.name,
    origin: cx.origin,
    class: 'softmax',
    engine: 'vector',
    dtype: x.dtype,
    macs: 0,
    out: groupOutput(cx),
    nodes: cx.group,
    x,
    outer: elementCount(x.shape.slice(0, axis)),
    length: whole ? elementCount(x.shape.slice(axis)) : (x.shape[axis] ?? 1),
    inner: whole ? 1 : elementCount(x.shape.slice(axis + 1)),
    xZero: input.quantization === null ? 0 : perTensor(input).zero,
    ...lowerSoftmax(input, output),
  };
}
