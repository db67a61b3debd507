/** Data movement: Concat, Split, Slice, Transpose, and views that need bytes of their own. */
import { attributeInt, attributeInts, type Node, type Value } from '../../graph/index.ts';
import { rowMajorStrides } from '../../core/index.ts';
import type { NotHere, SelectContext } from './context.ts';
import type { MoveKernel, MovePart, VectorPlan } from './spec.ts';
import { constantInts } from './values.ts';
import { lowerRequantize, perTensor } from './vector-plan.ts';

export function selectMove(cx: SelectContext, node: Node): MoveKernel | NotHere {
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a move' };
  const output = cx.graph.values[node.outputs[0] as number] as Value;
  const out = cx.views.view(output.id);
  const parts = partsOf(cx, node, output);
  if ('reason' in parts) return parts;
  return {
    kind: 'move',
    name: cx.name,
    origin: cx.origin,
    class: 'move',
    engine: parts.some((p) => p.convert !== null) ? 'vector' : 'dma',
    dtype: out.dtype,
    macs: 0,
    out,
    nodes: cx.group,
    parts,
  };
}

function partsOf(cx: SelectContext, node: Node, output: Value): readonly MovePart[] | NotHere {
  const out = cx.views.view(output.id);
  const input = cx.graph.values[node.inputs[0] as number] as Value;
  const src = cx.views.view(input.id);
  const dense = rowMajorStrides(out.shape);
  switch (node.op) {
    case 'Concat': {
      const rank = out.shape.length;
      const axis = (attributeInt(node, 'axis', 0) + rank) % rank;
      let at = 0;
      const parts: MovePart[] = [];
      for (const id of node.inputs) {
        const value = cx.graph.values[id as number] as Value;
        const view = cx.views.view(value.id);
        const convert = conversion(value, output);
        if (convert !== null && 'reason' in convert) return convert;
        parts.push({
          src: view,
          extents: view.shape,
          srcOffset: 0,
          srcStrides: rowMajorStrides(view.shape),
          dstOffset: at * (dense[axis] ?? 1),
          dstStrides: dense,
          convert,
        });
        at += view.shape[axis] ?? 0;
      }
      return parts;
    }
    case 'Transpose': {
      const rank = src.shape.length;
      const perm = attributeInts(
        node,
        'perm',
        Array.from({ length: rank }, (_, i) => rank - 1 - i),
      );
      const from = rowMajorStrides(src.shape);
      const same = conversion(input, output);
      if (same !== null) return { reason: 'input and output are quantized differently' };
      return [
        {
          src,
          extents: out.shape,
          srcOffset: 0,
          srcStrides: perm.map((p) => from[p] ?? 1),
          dstOffset: 0,
          dstStrides: dense,
          convert: null,
        },
      ];
    }
    case 'Slice':
      return slice(cx, node, input, output);
    case 'Split':
      return node.outputs.length === 1 ? copy() : { reason: 'a split into several outputs' };
    default:
      return copy();
  }

  function copy(): readonly MovePart[] | NotHere {
    if (conversion(input, output) !== null) return { reason: 'input and output are quantized differently' };
    return [{ src, extents: out.shape, srcOffset: 0, srcStrides: dense, dstOffset: 0, dstStrides: dense, convert: null }];
  }
}

function slice(cx: SelectContext, node: Node, input: Value, output: Value): readonly MovePart[] | NotHere {
  const src = cx.views.view(input.id);
  const out = cx.views.view(output.id);
  if (conversion(input, output) !== null) return { reason: 'input and output are quantized differently' };
  const operand = (index: number, attribute: string): number[] | null => {
    const id = node.inputs[index];
    if (id !== undefined && id !== null) return constantInts(cx.graph.values[id]);
    const a = node.attributes[attribute];
    return a?.kind === 'ints' ? [...a.value] : [];
  };
  const starts = operand(1, 'starts');
  const axes = operand(3, 'axes');
  const steps = operand(4, 'steps');
  if (starts === null || axes === null || steps === null) return { reason: 'starts, axes or steps are computed at run time' };
  const strides = rowMajorStrides(src.shape);
  let offset = 0;
  const srcStrides = [...strides];
  starts.forEach((start, i) => {
    const axis = ((axes[i] ?? i) + src.shape.length) % src.shape.length;
    const extent = src.shape[axis] ?? 1;
    const step = steps[i] ?? 1;
    const first = start < 0 ? start + extent : start;
    const begin = step > 0 ? Math.min(Math.max(first, 0), extent) : Math.min(Math.max(first, 0), extent - 1);
    offset += begin * (strides[axis] ?? 1);
    srcStrides[axis] = step * (strides[axis] ?? 1);
  });
  return [{ src, extents: out.shape, srcOffset: offset, srcStrides, dstOffset: 0, dstStrides: rowMajorStrides(out.shape), convert: null }];
}

/** How an element changes on its way: not at all (null), requantized, or not possible here. */
function conversion(from: Value, to: Value): VectorPlan | NotHere | null {
  if (from.type.dtype !== to.type.dtype) return { reason: `${from.name} is ${from.type.dtype}, ${to.name} is ${to.type.dtype}` };
  if (from.quantization === null || to.quantization === null) return null;
  const a = perTensor(from);
  const b = perTensor(to);
  return a.scale === b.scale && a.zero === b.zero ? null : lowerRequantize(from, to);
}
