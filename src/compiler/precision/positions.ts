/**
 * Numbers that become indices stay float32 in an int8 program. A position in an image of 200 columns has no room in 256 steps for the part between two
 * of them, and an index that is off by one reads another element: a rounded position is no noise on a value but another value.
 */
import { opDef } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';

/** Operators whose second input says where. */
const indexed: ReadonlySet<string> = new Set(['Gather', 'GatherElements', 'GatherND', 'ScatterElements', 'ScatterND', 'Lookup', 'Place']);
const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** @returns what indices are computed from by elementwise operators and moves, back to inputs and results of others, as far as they are floats */
export function positionValues(graph: Graph, nodes: readonly Node[]): ReadonlySet<ValueId> {
  const kept = new Set<ValueId>();
  const open = nodes.filter((n) => indexed.has(n.op)).flatMap((n) => (typeof n.inputs[1] === 'number' ? [n.inputs[1]] : []));
  if (open.length === 0) return kept;
  const makers = new Map<ValueId, Node>();
  for (const node of nodes) for (const id of node.outputs) makers.set(id, node);
  const seen = new Set(open);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const node = makers.get(id);
    // The array's results have no other form than int8 in an int8 program.
    if (node !== undefined && products.has(node.op)) continue;
    const value = graph.values[id];
    if (value?.type.dtype === 'float32' && value.quantization === null) kept.add(id);
    const kind = node === undefined ? undefined : opDef(node.domain, node.op)?.kernelClass;
    if (node === undefined || (kind !== 'elementwise' && kind !== 'move') || indexed.has(node.op)) continue;
    for (const input of node.inputs) {
      if (input === null || seen.has(input)) continue;
      seen.add(input);
      open.push(input);
    }
  }
  return kept;
}
