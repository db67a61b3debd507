/** From symbolic to fixed sizes. */
import { fail, graphMessages, type Diagnostic } from '../core/index.ts';
import { bindDim, symbolsOf, type Dim } from './dim.ts';
import { leafNodes, startInference } from './infer.ts';
import type { Graph, TensorType, Value, ValueId } from './ir.ts';
import { printShape } from './ops/op-def.ts';

/**
 * The graph with every dimension a number: symbols of inputs are replaced, all other shapes inferred anew.
 * @param dims  size by symbol; names that the graph does not use are ignored
 * Throws a coded error for each symbol left open, naming the first node that needs it, and where the sizes do not fit.
 */
export function bindDims(graph: Graph, dims: Readonly<Record<string, number>>): Graph {
  const bad = Object.entries(dims).filter(([, n]) => !Number.isInteger(n) || n < 0);
  if (bad.length > 0) fail(...bad.map(([symbol, given]) => graphMessages.badBinding({ symbol, given })));
  const values: Value[] = [...graph.values];
  const at = (id: ValueId): Value => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };
  let changed = false;
  const setShape = (id: ValueId, shape: readonly Dim[]): void => {
    const value = at(id);
    if (shape.length === value.type.shape.length && shape.every((d, i) => d === value.type.shape[i])) return;
    values[id] = { ...value, type: { dtype: value.type.dtype, shape } };
    changed = true;
  };
  for (const value of graph.values) {
    if (!value.type.shape.every((d) => typeof d === 'number'))
      setShape(
        value.id,
        value.type.shape.map((d) => bindDim(d, dims)),
      );
  }
  const open = openSymbols(graph, values);
  if (open.length > 0) fail(...open);
  if (!changed) return graph;
  const inference = startInference(graph.opset, at);
  for (const node of leafNodes(graph.nodes)) {
    const types: readonly TensorType[] = inference.infer(node);
    for (const [i, id] of node.outputs.entries()) {
      const type = types[i];
      if (type !== undefined) setShape(id, type.shape);
    }
  }
  return { ...graph, values };
}

/** One diagnostic for each symbol that still occurs, at the first node (or input) that has it. */
function openSymbols(graph: Graph, values: readonly Value[]): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  const note = (id: ValueId, node: string, op: string, origin: readonly string[]): void => {
    const value = values[id];
    for (const d of value?.type.shape ?? []) {
      for (const symbol of symbolsOf(d)) {
        if (value === undefined || found.has(symbol)) continue;
        found.set(
          symbol,
          graphMessages.unboundDimension(
            { symbol, node, op, value: value.name, shape: printShape(value.type.shape).slice(1, -1) },
            { origin },
          ),
        );
      }
    }
  };
  for (const node of leafNodes(graph.nodes)) {
    for (const id of [...node.inputs, ...node.outputs]) if (id !== null) note(id, node.name, node.op, node.origin);
  }
  for (const id of graph.inputs) note(id, '', '', []);
  return [...found.values()];
}
