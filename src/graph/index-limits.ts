/** Which integer inputs of a model index tables, and how many rows those have: numbers drawn for them must stay inside. */
import type { Graph, Node, ValueId } from './ir.ts';

/** Operators that pass elements of their first input on as they are. */
const passing: ReadonlySet<string> = new Set([
  'Cast',
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** By input of the graph, the rows of the smallest table its elements index. Bodies are not looked into. */
export function indexLimits(graph: Graph): ReadonlyMap<ValueId, number> {
  const limits = new Map<ValueId, number>();
  /** The inputs whose elements a value holds unchanged. */
  const origins = new Map<ValueId, ReadonlySet<ValueId>>(graph.inputs.map((id) => [id, new Set([id])]));
  const dimension = (id: ValueId | null | undefined, axis: number): number | null => {
    const shape = graph.values[id ?? -1]?.type.shape ?? [];
    const d = shape[axis < 0 ? axis + shape.length : axis];
    return typeof d === 'number' && d > 0 ? d : null;
  };
  for (const node of graph.nodes) {
    for (const [index, rows] of tablesOf(node, dimension)) {
      for (const origin of origins.get(node.inputs[index] ?? -1) ?? []) limits.set(origin, Math.min(rows, limits.get(origin) ?? rows));
    }
    const carried = node.op === 'Concat' ? node.inputs : passing.has(node.op) ? node.inputs.slice(0, 1) : [];
    const from = new Set(carried.flatMap((id) => [...(origins.get(id ?? -1) ?? [])]));
    if (from.size > 0) for (const id of node.outputs) origins.set(id, from);
  }
  return limits;
}

/** Pairs of an operand that holds indices and the rows of what it indexes. */
function tablesOf(
  node: Node,
  dimension: (id: ValueId | null | undefined, axis: number) => number | null,
): readonly (readonly [operand: number, rows: number])[] {
  const pair = (operand: number, table: number, axis: number): readonly (readonly [number, number])[] => {
    const rows = dimension(node.inputs[table], axis);
    return rows === null ? [] : [[operand, rows]];
  };
  const axis = node.attributes['axis'];
  switch (node.op) {
    case 'Gather':
    case 'GatherElements':
      return pair(1, 0, axis?.kind === 'int' ? axis.value : 0);
    case 'EmbedLayerNormalization':
      return [...pair(0, 2, 0), ...pair(1, 4, 0), ...pair(8, 3, 0)];
    default:
      return [];
  }
}
