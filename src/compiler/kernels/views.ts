/** Views: values that are other values' bytes under another shape. Row-major everywhere, so every reshape is one. */
import { isView, type Graph, type Node, type ValueId } from '../../graph/index.ts';
import { shapeOf } from './values.ts';
import type { View } from './spec.ts';

export interface ViewMap {
  /** Who owns the bytes of a value. */
  rootOf(id: ValueId): ValueId;
  view(id: ValueId): View;
}

/** @returns the views of a graph and the nodes that are not views, in order */
export function resolveViews(graph: Graph): {
  readonly views: ViewMap;
  readonly nodes: readonly Node[];
  readonly viewNodes: readonly Node[];
} {
  const root = new Map<ValueId, ValueId>();
  const rootOf = (id: ValueId): ValueId => root.get(id) ?? id;
  const nodes: Node[] = [];
  const viewNodes: Node[] = [];
  for (const node of graph.nodes) {
    const input = node.inputs[0];
    const output = node.outputs[0];
    if (isView(node) && input !== undefined && input !== null && output !== undefined && !needsCopy(graph, rootOf(input), output)) {
      root.set(output, rootOf(input));
      viewNodes.push(node);
    } else nodes.push(node);
  }
  const view = (id: ValueId): View => {
    const value = graph.values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return { root: rootOf(id), shape: shapeOf(graph, id), dtype: value.type.dtype };
  };
  return { views: { rootOf, view }, nodes, viewNodes };
}

/** A graph output must have bytes of its own: not those of an input or a constant. */
function needsCopy(graph: Graph, root: ValueId, output: ValueId): boolean {
  return graph.outputs.includes(output) && (graph.inputs.includes(root) || (graph.values[root]?.constant ?? null) !== null);
}
