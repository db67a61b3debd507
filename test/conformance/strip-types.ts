/** A model without the types its file states for anything but inputs: what remains must be inferred. */
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode } from '../../src/onnx/model.ts';

export function withoutDeclaredTypes(model: OnnxModel): OnnxModel {
  const functions = model.functions.map((f) => ({ ...f, nodes: f.nodes.map(stripNode) }));
  return { ...model, graph: stripGraph(model.graph), functions };
}

function stripGraph(graph: OnnxGraph): OnnxGraph {
  return {
    ...graph,
    nodes: graph.nodes.map(stripNode),
    outputs: graph.outputs.map(({ name }) => ({ name, type: { kind: 'none' } })),
    valueInfos: [],
  };
}

function stripNode(node: OnnxNode): OnnxNode {
  return { ...node, attributes: node.attributes.map(stripAttribute) };
}

function stripAttribute(attribute: OnnxAttribute): OnnxAttribute {
  switch (attribute.kind) {
    case 'graph':
      return { ...attribute, value: stripGraph(attribute.value) };
    case 'graphs':
      return { ...attribute, value: attribute.value.map(stripGraph) };
    default:
      return attribute;
  }
}
