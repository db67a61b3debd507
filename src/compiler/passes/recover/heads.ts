/** Keys and values of an attention as [batch, heads, length, size]: transpositions taken back, repeated heads and batches undone. */
import { equalDim, type Dim } from '../../../graph/index.ts';
import type { Node, ValueId } from '../../../graph/ir.ts';
import { frontAxis, input, output, permOf, sameShape, type Pattern } from './match.ts';
import type { NodeWriter } from './writer.ts';

/** One operand as it was before the pattern turned, repeated or split it. */
export interface Operand {
  readonly id: ValueId;
  readonly shape: readonly Dim[];
  /** Nodes of the pattern that go. */
  readonly nodes: readonly Node[];
}

/** An operand together with how it has to be turned. */
export interface Turned extends Operand {
  /** Axes of `id` in the order of [batch, heads, length, size]; null: as it is. */
  readonly perm: readonly number[] | null;
}

const asItIs = [0, 1, 2, 3];

function compose(outer: readonly number[], inner: readonly number[]): readonly number[] {
  return outer.map((axis) => inner[axis] ?? 0);
}

function turnedBy(x: ValueId, shape: readonly Dim[], perm: readonly number[], nodes: readonly Node[]): Turned {
  const isPlain = perm.every((axis, i) => axis === i);
  return { id: x, shape: perm.map((axis) => shape[axis] ?? 1), nodes, perm: isPlain ? null : perm };
}

/** Keys from what the first product reads transposed, [batch, heads, size, length]. */
export function keysOf(p: Pattern, id: ValueId): Turned {
  const made = p.users(id).length === 1 && !p.isOutput(id) ? permOf(p, id) : null;
  const swap = [0, 1, 3, 2];
  if (made === null) return turnedBy(id, p.shape(id), swap, []);
  return turnedBy(made.x, p.shape(made.x), compose(swap, made.perm), [made.node]);
}

export function valuesOf(p: Pattern, id: ValueId): Turned {
  return turnedBy(id, p.shape(id), asItIs, []);
}

/** Heads that queries share: repeated by Expand, Tile, Concat or Gather, before or after the transposition. */
export function unshared(p: Pattern, operand: Turned): Turned {
  const perm = operand.perm ?? asItIs;
  const direct = repeated(p, operand.id, perm[1] ?? 1);
  if (direct !== null) return turnedBy(direct.id, p.shape(direct.id), perm, [...operand.nodes, ...direct.nodes]);
  const made = operand.perm === null && p.users(operand.id).length === 1 && !p.isOutput(operand.id) ? permOf(p, operand.id) : null;
  const below = made === null ? null : repeated(p, made.x, made.perm[1] ?? 1);
  if (made === null || below === null) return operand;
  return turnedBy(below.id, p.shape(below.id), made.perm, [...operand.nodes, made.node, ...below.nodes]);
}

/** Each entry of an axis several times in a row: the tensor before. */
function repeated(p: Pattern, id: ValueId, axis: number): { readonly id: ValueId; readonly nodes: readonly Node[] } | null {
  const gather = p.made(id, 'Gather');
  if (gather !== null) return gathered(p, gather, axis);
  const merge = p.made(id, 'Reshape');
  const wide = merge === null ? null : p.made(merge.inputs[0], 'Expand', 'Tile', 'Concat');
  if (merge === null || wide === null) return null;
  const parts = wide.inputs[0] ?? null;
  const apart = p.made(parts, 'Unsqueeze', 'Reshape');
  if (apart === null || parts === null) return null;
  if (wide.op === 'Concat') {
    const along = wide.attributes['axis'];
    const copies =
      along?.kind === 'int' && frontAxis(along.value, p.shape(parts).length) === axis + 1 && wide.inputs.every((x) => x === parts);
    if (!copies) return null;
  }
  const x = input(apart, 0);
  const before = p.shape(x);
  const [five, many, four] = [p.shape(parts), p.shape(output(wide)), p.shape(id)];
  const heads = before[axis];
  const groups = many[axis + 1];
  if (before.length !== 4 || typeof heads !== 'number' || typeof groups !== 'number') return null;
  const withOne = (n: Dim): readonly Dim[] => [...before.slice(0, axis + 1), n, ...before.slice(axis + 1)];
  const fits =
    sameShape(five, withOne(1)) &&
    sameShape(many, withOne(groups)) &&
    sameShape(
      four,
      before.map((d, i) => (i === axis ? heads * groups : d)),
    );
  return fits ? { id: x, nodes: [apart, wide, merge] } : null;
}

function gathered(p: Pattern, gather: Node, axis: number): { readonly id: ValueId; readonly nodes: readonly Node[] } | null {
  const x = input(gather, 0);
  const along = gather.attributes['axis'];
  const heads = p.shape(x)[axis];
  const indices = p.numbers(gather.inputs[1]);
  if (frontAxis(along?.kind === 'int' ? along.value : 0, 4) !== axis || typeof heads !== 'number' || indices === null) return null;
  const times = indices.length / heads;
  const fits = p.shape(x).length === 4 && p.shape(output(gather)).length === 4 && times > 1 && Number.isInteger(times);
  return fits && indices.every((n, i) => n === Math.floor(i / times)) ? { id: x, nodes: [gather] } : null;
}

/** [batch · heads, length, size] made from [batch, heads, length, size] by a Reshape: what it was made from. */
export function apartFrom(p: Pattern, id: ValueId, batch: Dim, heads: Dim): { readonly id: ValueId; readonly node: Node } | null {
  const reshape = p.made(id, 'Reshape');
  if (reshape === null) return null;
  const x = input(reshape, 0);
  const [before, after] = [p.shape(x), p.shape(id)];
  const [b, h, length, size] = before;
  if (before.length !== 4 || after.length !== 3 || b === undefined || h === undefined || length === undefined || size === undefined)
    return null;
  return equalDim(b, batch) && equalDim(h, heads) && sameShape(after.slice(1), [length, size]) ? { id: x, node: reshape } : null;
}

/**
 * The operand turned. Where two caches are joined that were turned for it, they are joined as they were before, and a value that
 * turns the whole back is what is read.
 */
export function writeTurned(p: Pattern, operand: Turned, anchor: Node, w: NodeWriter): ValueId {
  if (operand.perm === null) return operand.id;
  const ready = p
    .users(operand.id)
    .find(
      (n) =>
        n.op === 'Transpose' &&
        n.domain === '' &&
        p.position(n) < p.position(anchor) &&
        permOf(p, output(n))?.perm.join() === operand.perm?.join(),
    );
  if (ready !== undefined) return output(ready);
  return turn(p, w, operand.id, operand.perm);
}

function turn(p: Pattern, w: NodeWriter, id: ValueId, perm: readonly number[]): ValueId {
  const { dtype, shape } = p.value(id).type;
  return w.op('Transpose', [id], { dtype, shape: perm.map((axis) => shape[axis] ?? 1) }, { perm: { kind: 'ints', value: perm } });
}

/** [·, length, size] -> [·, 1, length, size]: batch and heads stay one axis. */
export function withOneHead(p: Pattern, id: ValueId, w: NodeWriter): ValueId {
  const { dtype, shape } = p.value(id).type;
  const [first = 1, ...rest] = shape;
  return w.op('Unsqueeze', [id], { dtype, shape: [first, 1, ...rest] }, { axes: { kind: 'ints', value: [1] } });
}
