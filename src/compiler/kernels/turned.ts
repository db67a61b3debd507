/**
 * Transposes that products read through: keys of an attention lie as they were written, [keys, size], and the array takes them with the strides of
 * [size, keys]. Nothing is moved for that.
 */
import { bitsOf } from '../../core/index.ts';
import { isRepeatBegin, isRepeatEnd, type Graph, type Node, type ValueId } from '../../graph/index.ts';
import { sameNumbers } from './views.ts';

/** A right operand of products that is another value with its last two axes exchanged. */
export interface Turned {
  readonly node: Node;
  readonly source: ValueId;
}

/**
 * Transposes whose every reader is a product that takes the result as its right operand, on the same side of repeated regions: what a
 * repetition moves is read through its entries alone.
 * @param nodes  those that are no views
 */
export function turnedOperands(graph: Graph, nodes: readonly Node[]): ReadonlyMap<ValueId, Turned> {
  const found = new Map<ValueId, Turned>();
  for (const node of nodes) {
    const turned = node.body === undefined ? turnedBy(graph, node) : null;
    if (turned !== null) found.set(node.outputs[0] as ValueId, turned);
  }
  if (found.size === 0) return found;
  for (const id of graph.outputs) found.delete(id);
  /** How many ends of regions came before, now and where each was made. */
  let ends = 0;
  const madeAt = new Map<ValueId, number>();
  for (const node of graph.nodes.flatMap((n) => n.body ?? [n])) {
    if (isRepeatBegin(node) || isRepeatEnd(node)) ends++;
    const isProduct = node.domain === '' && node.op === 'MatMul';
    node.inputs.forEach((id, index) => {
      if (id !== null && !(isProduct && index === 1 && madeAt.get(id) === ends)) found.delete(id);
    });
    for (const id of node.outputs) if (found.has(id)) madeAt.set(id, ends);
  }
  return found;
}

function turnedBy(graph: Graph, node: Node): Turned | null {
  const [source = null] = node.inputs;
  const [output] = node.outputs;
  if (node.domain !== '' || node.op !== 'Transpose' || source === null || output === undefined) return null;
  const [from, to] = [graph.values[source], graph.values[output]];
  if (from === undefined || to === undefined || from.constant !== null || bitsOf(from.type.dtype) < 8) return null;
  const rank = from.type.shape.length;
  const given = node.attributes['perm'];
  const perm = given?.kind === 'ints' ? given.value : Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const exchanged = rank >= 2 && perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  return exchanged && sameNumbers(from, to) ? { node, source } : null;
}
