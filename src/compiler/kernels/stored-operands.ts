/** Casts from floats of 8 bits that products read through: the array takes the numbers as memory holds them. */
import type { Graph, Node, ValueId } from '../../graph/index.ts';
import { readThrough, type Through } from './read-through.ts';
import { isPlainFloat, isStoredFloat } from './values.ts';

const products: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/** Casts to floats, all of them exact, whose every reader is a product. @param nodes  those that are no views */
export function storedOperands(graph: Graph, nodes: readonly Node[]): ReadonlyMap<ValueId, Through> {
  const takes = (node: Node, index: number): boolean => products.has(node.op) && index < 2;
  return readThrough(graph, nodes, (node) => storedSource(graph, node), takes);
}

function storedSource(graph: Graph, node: Node): ValueId | null {
  const [source = null] = node.inputs;
  const [output] = node.outputs;
  if (node.op !== 'Cast' || source === null || output === undefined) return null;
  const [from, to] = [graph.values[source], graph.values[output]];
  return from !== undefined && isStoredFloat(from) && to !== undefined && isPlainFloat(to) ? source : null;
}
