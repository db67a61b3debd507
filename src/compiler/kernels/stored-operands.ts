/** Casts from floats of 8 bits that products read through: the array takes the numbers as memory holds them. */
import type { Graph, Node, ValueId } from '../../graph/index.ts';
import { isStoredFloat } from './values.ts';

export interface Stored {
  readonly node: Node;
  readonly source: ValueId;
}

/** Casts to float32 whose every reader is a product. @param nodes  those that are no views */
export function storedOperands(graph: Graph, nodes: readonly Node[]): ReadonlyMap<ValueId, Stored> {
  const found = new Map<ValueId, Stored>();
  for (const node of nodes) {
    const [source = null] = node.inputs;
    const [output] = node.outputs;
    if (node.body !== undefined || node.domain !== '' || node.op !== 'Cast' || source === null || output === undefined) continue;
    const [from, to] = [graph.values[source], graph.values[output]];
    if (from !== undefined && isStoredFloat(from) && to?.type.dtype === 'float32' && to.quantization === null)
      found.set(output, { node, source });
  }
  if (found.size === 0) return found;
  for (const id of graph.outputs) found.delete(id);
  for (const node of graph.nodes.flatMap((n) => n.body ?? [n])) {
    const isProduct = node.domain === '' && (node.op === 'MatMul' || node.op === 'Gemm');
    node.inputs.forEach((id, index) => {
      if (id !== null && !(isProduct && index < 2)) found.delete(id);
    });
  }
  return found;
}
