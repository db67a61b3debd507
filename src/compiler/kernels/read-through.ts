/** Values that products take from where they were made of: nothing is moved or converted for them. */
import { isRepeatBegin, isRepeatEnd, leafNodes, type Graph, type Node, type ValueId } from '../../graph/index.ts';

/** A value that products read as another one. */
export interface Through {
  readonly node: Node;
  readonly source: ValueId;
}

/**
 * Of what `sourceOf` finds, the values whose every reader takes them so, on the same side of repeated regions: what a repetition moves is
 * read through its entries alone.
 * @param nodes  those that are no views
 * @param sourceOf  what a node's first output can be read as; null: nothing
 * @param takes  whether a node reads the operand at an index through
 */
export function readThrough(
  graph: Graph,
  nodes: readonly Node[],
  sourceOf: (node: Node) => ValueId | null,
  takes: (node: Node, index: number) => boolean,
): ReadonlyMap<ValueId, Through> {
  const found = new Map<ValueId, Through>();
  for (const node of nodes) {
    const [output] = node.outputs;
    const source = node.body === undefined && node.domain === '' ? sourceOf(node) : null;
    if (source !== null && output !== undefined) found.set(output, { node, source });
  }
  if (found.size === 0) return found;
  for (const id of graph.outputs) found.delete(id);
  /** How many ends of regions came before, now and where each was made. */
  let ends = 0;
  const madeAt = new Map<ValueId, number>();
  for (const node of leafNodes(graph.nodes)) {
    if (isRepeatBegin(node) || isRepeatEnd(node)) ends++;
    node.inputs.forEach((id, index) => {
      if (id !== null && !(node.domain === '' && takes(node, index) && madeAt.get(id) === ends)) found.delete(id);
    });
    for (const id of node.outputs) if (found.has(id)) madeAt.set(id, ends);
  }
  return found;
}
