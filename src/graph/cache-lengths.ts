/** Inputs that say how many tokens a cache holds: with fixed sizes there is one number each that fits them. */
import type { Graph, ValueId } from './ir.ts';

/** Operands of GroupQueryAttention: lengths less one of each sequence, and the longest of them. */
const lengths = 5;
const total = 6;

/**
 * By input of the graph, the number all its elements have where every cache is full and every token new, as programs take it: a mask that
 * lengths are counted from holds ones.
 */
export function fullCaches(graph: Graph): ReadonlyMap<ValueId, number> {
  const attentions = graph.nodes.filter((n) => n.op === 'GroupQueryAttention');
  const found = new Map<ValueId, number>();
  if (attentions.length === 0) return found;
  const makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((id) => [id, n] as const)));
  const inputs = new Set(graph.inputs);
  for (const node of attentions) {
    const keys = graph.values[node.outputs[1] ?? -1]?.type.shape[2];
    if (typeof keys !== 'number') continue;
    for (const [operand, full] of [
      [lengths, keys - 1],
      [total, keys],
    ] as const) {
      const start = node.inputs[operand] ?? null;
      if (start === null) continue;
      if (inputs.has(start)) found.set(start, full);
      const seen = new Set<ValueId>();
      // Sizes say nothing about contents.
      const isContent = (id: ValueId): boolean => makers.get(id)?.op !== 'Shape' && makers.get(id)?.op !== 'Size';
      const pending: ValueId[] = inputs.has(start) ? [] : [start];
      for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
        if (seen.has(id)) continue;
        seen.add(id);
        if (inputs.has(id)) found.set(id, 1);
        else if (isContent(id)) for (const from of makers.get(id)?.inputs ?? []) if (from !== null) pending.push(from);
      }
    }
  }
  return found;
}
