/** Nodes on 16-bit floats round once: what would round several times on the way to a result is written in float32. */
import { opDef } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import type { WriterState } from './writer.ts';

function isHalfValue(w: WriterState, id: ValueId | null): boolean {
  return id !== null && (w.value(id).type.dtype === 'float16' || w.value(id).type.dtype === 'bfloat16');
}

/** What was recovered from several nodes of the file rounds where they did. */
export function roundsOnce(node: Node, w: WriterState): boolean {
  return node.origin.length <= 1 && node.outputs.some((id) => isHalfValue(w, id));
}

/** Whether among the nodes made for one there are two that compute, one behind the other. */
export function roundsTwice(made: readonly Node[], products: boolean): boolean {
  const kindOf = (node: Node): string => opDef(node.domain, node.op)?.kernelClass ?? 'host';
  if (!products && made.some((node) => kindOf(node) === 'contraction')) return false;
  const rounded = new Set<ValueId>();
  for (const node of made) {
    const before = node.inputs.some((id) => id !== null && rounded.has(id));
    const moves = kindOf(node) === 'move' || kindOf(node) === 'gather' || node.op === 'Cast';
    if (before && !moves) return true;
    if (before || !moves) for (const id of node.outputs) rounded.add(id);
  }
  return false;
}

/** The node in float32 in place of what was written: operands widened, which is exact, and results rounded. */
export function asFloat32(w: WriterState, node: Node): readonly ValueId[] {
  w.begin(node);
  const wide = new Map<ValueId, ValueId>();
  const inputs = node.inputs.map((id) => {
    if (id === null || !isHalfValue(w, id)) return id;
    const known = wide.get(id) ?? w.op('Cast', [id], { to: dtypeCode('float32') });
    wide.set(id, known);
    return known;
  });
  return w.node({ ...node, inputs }).map((id, i) => {
    const out = node.outputs[i];
    return out === undefined || !isHalfValue(w, out) ? id : w.op('Cast', [id], { to: dtypeCode(w.value(out).type.dtype) });
  });
}
