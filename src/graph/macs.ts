import type { Graph, Node, ValueId } from './ir.ts';
import { definitionOf, meaningType } from './infer.ts';
import type { ConcreteType } from './ops/op-def.ts';

/** Multiply-accumulates of a node as the ONNX graph defines them; of a Fused node the sum of its body. Dims must be bound. */
export function macsOf(graph: Graph, node: Node): number {
  if (node.body !== undefined) return node.body.reduce((n, inner) => n + macsOf(graph, inner), 0);
  if (node.macs !== undefined) return node.macs;
  const concrete = (id: ValueId): ConcreteType => {
    const value = graph.values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    const type = meaningType(value);
    return {
      dtype: type.dtype,
      shape: type.shape.map((d) => {
        if (typeof d !== 'number') throw new Error(`"${value.name}" has an open dimension: bind first`);
        return d;
      }),
    };
  };
  return definitionOf(node).macs({
    node,
    opset: node.version ?? graph.opset,
    inputs: node.inputs.map((id) => (id === null ? null : concrete(id))),
    outputs: node.outputs.map(concrete),
  });
}

/** Sum over all nodes. ResNet-18 at 224 × 224: 1,814,073,344. */
export function totalMacs(graph: Graph): number {
  return graph.nodes.reduce((n, node) => n + macsOf(graph, node), 0);
}
