/** What no engine can do runs on the host: one node, as a graph of its own in textual form. */
import { elementCount, tensorBytes } from '../../core/index.ts';
import { macsOf, printGraph, type Graph, type Node, type Value } from '../../graph/index.ts';
import type { SelectContext } from './context.ts';
import type { HostKernel } from './spec.ts';

/**
 * Elementary operations a host spends per output element, by operator; 4 for the rest. Rough on purpose:
 * a fallback's cost is dominated by hand-over and bytes; LRN: square, 5-wide sum, power; Softmax: exp, sum, divide.
 */
const opsPerElement: Readonly<Record<string, number>> = { LRN: 30, Softmax: 25, LogSoftmax: 30, Pow: 20, Resize: 16 };

export function selectHost(cx: SelectContext, node: Node, reason: string): HostKernel {
  const values = (ids: readonly (number | null)[]): Value[] => ids.filter((id) => id !== null).map((id) => cx.graph.values[id] as Value);
  const inputs = [...new Set(values(node.inputs).filter((v) => v.constant === null))];
  const outputs = values(node.outputs);
  const viewOf = (v: Value) => cx.views.view(v.id);
  const inputViews = inputs.map(viewOf);
  const outputViews = outputs.map(viewOf);
  const bytes = [...inputViews, ...outputViews].reduce((sum, v) => sum + tensorBytes(v.dtype, elementCount(v.shape)), 0);
  const elements = outputViews.reduce((sum, v) => sum + elementCount(v.shape), 0);
  const macs = macsOf(cx.graph, node);
  return {
    kind: 'host',
    name: cx.name,
    origin: cx.origin,
    class: 'host',
    engine: 'host',
    dtype: outputViews[0]?.dtype ?? 'float32',
    macs,
    out: outputViews[0] ?? { root: -1, shape: [], dtype: 'float32' },
    nodes: [node],
    reason,
    inputs: inputViews,
    outputs: outputViews,
    graphText: () => printGraph(segment(cx.graph, node, inputs, outputs)),
    ops: 2 * macs + elements * (opsPerElement[node.op] ?? 4),
    bytes,
  };
}

/** The node alone: its run-time operands are the graph's inputs, constants stay constants. */
function segment(graph: Graph, node: Node, inputs: readonly Value[], outputs: readonly Value[]): Graph {
  const used = [...new Set([...node.inputs.filter((id) => id !== null), ...node.outputs])];
  const renumber = new Map(used.map((id, i) => [id, i]));
  const at = (id: number): number => renumber.get(id) as number;
  return {
    name: node.name,
    opset: graph.opset,
    inputs: inputs.map((v) => at(v.id)),
    outputs: outputs.map((v) => at(v.id)),
    values: used.map((id, i) => ({ ...(graph.values[id] as Value), id: i })),
    nodes: [{ ...node, inputs: node.inputs.map((id) => (id === null ? null : at(id))), outputs: node.outputs.map(at) }],
    retired: {},
  };
}
