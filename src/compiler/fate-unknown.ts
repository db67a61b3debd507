/** Shapes behind operators nobody defines: taken as those of their first inputs, so that fates of what follows can be judged. */
import { inferInPlace, opDef, startInference, type Graph, type TensorType, type Value, type ValueId } from '../graph/index.ts';

export interface AssumedShapes {
  readonly graph: Graph;
  /** Names of the nodes whose outputs were taken so. */
  readonly nodes: ReadonlySet<string>;
}

/** @throws SystoleError where an operator behind takes no such shape */
export function assumeShapes(graph: Graph): AssumedShapes {
  const unranked = (id: ValueId | null | undefined): boolean => id !== null && id !== undefined && graph.values[id]?.type.unranked === true;
  const nodes = new Set(graph.nodes.filter((n) => opDef(n.domain, n.op) === undefined && n.outputs.some(unranked)).map((n) => n.name));
  if (nodes.size === 0) return { graph, nodes };
  const values: Value[] = [...graph.values];
  const at = (id: ValueId): Value => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };
  const setType = (id: ValueId, type: TensorType): void => {
    const value = at(id);
    values[id] = { ...value, type: { ...type, dtype: value.type.dtype } };
  };
  const inference = startInference(graph.opset, at, { graph });
  const typed = graph.nodes.map((node) => {
    const [first] = node.inputs;
    if (!nodes.has(node.name)) return inferInPlace(node, inference, setType);
    if (first !== null && first !== undefined) for (const id of node.outputs) if (unranked(id)) setType(id, at(first).type);
    return node;
  });
  return { graph: { ...graph, values, nodes: typed, unknowns: inference.unknowns() }, nodes };
}
