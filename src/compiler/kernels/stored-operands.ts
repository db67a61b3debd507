/** Casts from floats of 8 bits that products read through: the array takes the numbers as memory holds them. */
import { isRepeatBegin, isRepeatEnd, type Graph, type Node, type ValueId } from '../../graph/index.ts';
import { isStoredFloat } from './values.ts';

export interface Stored {
  readonly node: Node;
  readonly source: ValueId;
}

/** Casts to float32 whose every reader is a product, on the same side of repeated regions. @param nodes  those that are no views */
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
  /** How many ends of regions came before, now and where each was made. */
  let ends = 0;
  const madeAt = new Map<ValueId, number>();
  for (const node of graph.nodes.flatMap((n) => n.body ?? [n])) {
    if (isRepeatBegin(node) || isRepeatEnd(node)) ends++;
    const isProduct = node.domain === '' && (node.op === 'MatMul' || node.op === 'Gemm');
    node.inputs.forEach((id, index) => {
      if (id !== null && !(isProduct && index < 2 && madeAt.get(id) === ends)) found.delete(id);
    });
    for (const id of node.outputs) if (found.has(id)) madeAt.set(id, ends);
  }
  return found;
}
