/**
 * Transposes that products read through: keys of an attention lie as they were written, [keys, size], and the array takes them with the strides of
 * [size, keys]. Nothing is moved for that.
 */
import { bitsOf } from '../../core/index.ts';
import type { Graph, Node, ValueId } from '../../graph/index.ts';
import { readThrough, type Through } from './read-through.ts';
import { sameNumbers } from './views.ts';

/** Transposes of the last two axes whose every reader is a product that takes the result as its right operand. @param nodes  those that are no views */
export function turnedOperands(graph: Graph, nodes: readonly Node[]): ReadonlyMap<ValueId, Through> {
  const takes = (node: Node, index: number): boolean => node.op === 'MatMul' && index === 1;
  return readThrough(graph, nodes, (node) => turnedSource(graph, node), takes);
}

function turnedSource(graph: Graph, node: Node): ValueId | null {
  const [source = null] = node.inputs;
  const [output] = node.outputs;
  if (node.op !== 'Transpose' || source === null || output === undefined) return null;
  const [from, to] = [graph.values[source], graph.values[output]];
  if (from === undefined || to === undefined || from.constant !== null || bitsOf(from.type.dtype) < 8) return null;
  const rank = from.type.shape.length;
  const given = node.attributes['perm'];
  const perm = given?.kind === 'ints' ? given.value : Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const exchanged = rank >= 2 && perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  return exchanged && sameNumbers(from, to) ? source : null;
}
