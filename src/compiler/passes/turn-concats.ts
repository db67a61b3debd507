import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import { attributeInt } from '../../graph/index.ts';
import { joinOrigins, rewrite, type Edit } from './edit.ts';
import { isTranspose, permOf } from './merge-transposes.ts';
import type { Pass } from './pass.ts';

/**
 * What is transposed, joined and transposed back is joined as it was.
 *
 *     %t = Transpose(%past) {perm: [0, 1, 3, 2]}
 *     %c = Concat(%t, %new) {axis: 3}
 *     %y = Transpose(%c) {perm: [0, 1, 3, 2]}
 *  =>
 *     %n = Transpose(%new) {perm: [0, 1, 3, 2]}
 *     %y = Concat(%past, %n) {axis: 2}
 *     %c = Transpose(%y) {perm: [0, 1, 3, 2]}
 *
 * Exporters of GPT-2 keep a cache of keys that way: it is one that only gets rows appended. Only where no more is turned than before.
 */
export const turnConcats: Pass = {
  name: 'turn-concats',
  summary: 'Concats of transposed values that are transposed back join them as they were',
  run: (graph) => {
    const readers = transposesOf(graph);
    return readers.size === 0 ? graph : rewrite(graph, (node, edit) => turn(node, edit, readers));
  },
};

/** Permutations that results of Concats go through. */
function transposesOf(graph: Graph): ReadonlyMap<ValueId, readonly (readonly number[])[]> {
  const joined = new Set(graph.nodes.flatMap((n) => (isConcat(n) ? n.outputs : [])));
  const found = new Map<ValueId, (readonly number[])[]>();
  for (const node of graph.nodes) {
    const [x = null] = node.inputs;
    if (!isTranspose(node) || x === null || !joined.has(x)) continue;
    const perm = permOf(node, graph.values[x]?.type.shape.length ?? 0);
    const list = found.get(x);
    if (list === undefined) found.set(x, [perm]);
    else list.push(perm);
  }
  return found;
}

function turn(node: Node, edit: Edit, readers: ReadonlyMap<ValueId, readonly (readonly number[])[]>): boolean {
  const [out] = node.outputs;
  if (!isConcat(node) || out === undefined) return false;
  const { shape } = edit.value(out).type;
  for (const perm of readers.get(out) ?? []) {
    const before = node.inputs.map((id) => turnedBack(edit, id, perm));
    const known = before.filter((id) => id !== null).length;
    // Of equally many on both sides the first decides, or they would take turns.
    if (typeof before[0] !== 'number' || 2 * known < node.inputs.length) continue;
    const axis = attributeInt(node, 'axis', 0);
    const at = perm.indexOf(axis < 0 ? axis + shape.length : axis);
    const merged: Node[] = [node];
    const inputs = node.inputs.map((id, i): ValueId | null => {
      const source = before[i];
      if (id === null) return null;
      if (typeof source !== 'number') return transposed(edit, node, id, perm);
      const first = edit.producer(id);
      if (first !== null && edit.uses(id) === 0 && !edit.isOutput(id)) {
        merged.push(first);
        edit.removeNode(first);
      }
      return source;
    });
    const value = edit.value(out);
    const whole = edit.add(`${value.name}_turned`, turnedType(edit, out, perm));
    edit.update(whole, { quantization: value.quantization });
    const origin = joinOrigins(...merged);
    edit.emit({ ...node, name: `${node.name}:turned`, inputs, outputs: [whole], attributes: { axis: { kind: 'int', value: at } }, origin });
    edit.emit(transpose(node, whole, out, inverse(perm)));
    return true;
  }
  return false;
}

/** What a value was before the inverse of `perm` was applied to it; null where it was not. */
function turnedBack(edit: Edit, id: ValueId | null, perm: readonly number[]): ValueId | null {
  const first = edit.producer(id);
  if (first === null || !isTranspose(first) || id === null) return null;
  const [source = null] = first.inputs;
  const isInverse = inverse(perm).every((axis, i) => axis === permOf(first, perm.length)[i]);
  return isInverse && source !== null && edit.value(source).quantization === edit.value(id).quantization ? source : null;
}

function transposed(edit: Edit, node: Node, id: ValueId, perm: readonly number[]): ValueId {
  const value = edit.value(id);
  const made = edit.add(`${value.name}_turned`, turnedType(edit, id, perm));
  edit.update(made, { quantization: value.quantization });
  edit.emit(transpose(node, id, made, perm));
  return made;
}

function turnedType(edit: Edit, id: ValueId, perm: readonly number[]): ReturnType<Edit['value']>['type'] {
  const { type } = edit.value(id);
  return { ...type, shape: perm.map((axis) => type.shape[axis] ?? 1) };
}

function transpose(made: Node, from: ValueId, to: ValueId, perm: readonly number[]): Node {
  const { version: _, ...rest } = made;
  return {
    ...rest,
    name: `${made.name}:${to}`,
    op: 'Transpose',
    inputs: [from],
    outputs: [to],
    attributes: { perm: { kind: 'ints', value: perm } },
  };
}

function inverse(perm: readonly number[]): readonly number[] {
  return perm.map((_, axis) => perm.indexOf(axis));
}

function isConcat(node: Node): boolean {
  return node.op === 'Concat' && node.domain === '' && node.body === undefined;
}
