/** Elements read or written where an index of the run says: moves along which one axis is looked up. */
import { bitsOf, rowMajorStrides } from '../../core/index.ts';
import { attributeInt, type Node } from '../../graph/index.ts';
import { groupOutput, type NotHere, type SelectContext } from './context.ts';
import type { LookupKernel } from './spec.ts';
import { broadcastStrides } from './vector-plan.ts';

export function isLookup(node: Node): boolean {
  return node.domain === 'systole' && (node.op === 'Lookup' || node.op === 'Place');
}

export function selectLookup(cx: SelectContext, node: Node): LookupKernel | NotHere {
  const [data, index, updates] = node.inputs.map((id) => (id === null ? undefined : cx.graph.values[id]));
  const output = cx.graph.values[node.outputs[0] as number];
  if (data === undefined || index === undefined || output === undefined) throw new Error(`${node.op} without operands`);
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a look-up' };
  if (index.type.dtype !== 'int32') return { reason: `its index ${index.name} is ${index.type.dtype}` };
  const moved = updates ?? data;
  for (const v of [data, moved, output]) {
    if (bitsOf(v.type.dtype) < 8 || v.type.dtype === 'string')
      return { reason: `operand ${v.name} is ${v.type.dtype}, whose elements are not whole bytes` };
    const [p, q] = [v.quantization, output.quantization];
    const same = p === q || (p !== null && q !== null && p.scale.join() === q.scale.join() && p.zeroPoint.join() === q.zeroPoint.join());
    if (!same || (p !== null && p.axis !== null)) return { reason: `operand ${v.name} is quantized differently from what it makes` };
  }
  // Outside of the axis there are zero bits, which a zero point is not.
  if (updates === undefined && output.quantization?.zeroPoint.some((z) => z !== 0) === true)
    return { reason: `${output.name} has a zero point, which a look-up outside of the table does not give` };
  const table = cx.views.view(data.id);
  const extents = updates === undefined ? groupOutput(cx).shape : cx.views.view(updates.id).shape;
  const rank = table.shape.length;
  const axis = (attributeInt(node, 'axis', 0) + rank) % rank;
  const strides = rowMajorStrides(table.shape);
  return {
    kind: 'lookup',
    name: cx.name,
    origin: cx.origin,
    class: 'gather',
    engine: 'dma',
    dtype: output.type.dtype,
    macs: 0,
    out: groupOutput(cx),
    nodes: cx.group,
    table,
    index: cx.views.view(index.id),
    updates: updates === undefined ? null : cx.views.view(updates.id),
    extents,
    tableStrides: strides.map((s, i) => (i === axis ? 0 : s)),
    indexStrides: broadcastStrides(cx.views.view(index.id).shape, extents, false),
    count: table.shape[axis] ?? 0,
    step: strides[axis] ?? 1,
  };
}
