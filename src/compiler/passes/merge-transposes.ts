import type { Node } from '../../graph/ir.ts';
import { joinOrigins, rewrite, type Edit } from './edit.ts';
import type { Pass } from './pass.ts';

/**
 * Two transpositions in a row are one, or none.
 *
 *     %t = Transpose(%x) {perm: [0, 2, 1, 3]}
 *     %y = Transpose(%t) {perm: [0, 1, 3, 2]}      =>   %y = Transpose(%x) {perm: [0, 2, 3, 1]}
 *
 * The first stays where somebody else reads it. Attention asks for keys that its own lowering turns again, hence this pass.
 */
export const mergeTransposes: Pass = {
  name: 'merge-transposes',
  summary: 'Transposes of transposes become one',
  run: (graph) => rewrite(graph, merge),
};

function merge(node: Node, edit: Edit): boolean {
  const [x] = node.inputs;
  const [out] = node.outputs;
  const first = isTranspose(node) ? edit.producer(x) : null;
  const from = first?.inputs[0];
  if (first === null || !isTranspose(first) || x === undefined || x === null || from === undefined || from === null || out === undefined)
    return false;
  const rank = edit.value(from).type.shape.length;
  const inner = permOf(first, rank);
  const perm = permOf(node, rank).map((axis) => inner[axis] ?? 0);
  const alone = edit.uses(x) === 0 && !edit.isOutput(x);
  const isNothing = perm.every((axis, i) => axis === i);
  // A graph output needs a node that makes it: its name goes there.
  const hasMaker = edit.producer(from) !== null && !edit.isOutput(from);
  if (isNothing && ((edit.isOutput(out) && !hasMaker) || edit.value(out).quantization !== edit.value(from).quantization)) return false;
  if (isNothing) {
    edit.redirect(out, from);
    edit.retire(node.origin, 'view');
    return true;
  }
  if (alone) edit.removeNode(first);
  const origin = alone ? joinOrigins(first, node) : node.origin;
  edit.emit({ ...node, inputs: [from], attributes: { perm: { kind: 'ints', value: perm } }, origin });
  return true;
}

export function isTranspose(node: Node | null): node is Node {
  return node !== null && node.op === 'Transpose' && node.domain === '' && node.body === undefined;
}

export function permOf(node: Node, rank: number): readonly number[] {
  const perm = node.attributes['perm'];
  return perm?.kind === 'ints' ? perm.value : Array.from({ length: rank }, (_, i) => rank - 1 - i);
}
