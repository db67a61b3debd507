/**
 * Rotary positions (Su et al. 2021, arXiv:2104.09864) as exporters split them: x · cos + rotated(x) · sin with tables of full width,
 * or both products of each pair written out; pairs are the two halves of a head (as in GPT-NeoX and Llama) or neighbours (as in
 * GPT-J and RoFormer). Part of a head may turn and the rest pass.
 */
import { printDim } from '../../../graph/index.ts';
import type { Attributes, Node, ValueId } from '../../../graph/ir.ts';
import { bothWays, frontAxis, input, output, sameShape, type Pattern } from './match.ts';
import type { Found, Maker, Recovery } from './recovery.ts';
import { cacheOf, layoutOf, type Spread } from './rotary-tables.ts';
import { createNodeWriter } from './writer.ts';

interface Part {
  readonly x: ValueId;
  readonly nodes: readonly Node[];
}

/** How the two numbers of a pair stand in a head. */
type Pairing = 'halves' | 'neighbours';

/** x turned a quarter: −x₂, x₁. */
function quarterTurn(p: Pattern, id: ValueId): (Part & { readonly pairing: Pairing }) | null {
  const joined = joinedPair(p, id);
  if (joined === null) return null;
  const neg = p.made(joined.first, 'Neg');
  const second = neg === null ? null : partOf(p, input(neg, 0), 1, joined.pairing);
  const first = partOf(p, joined.second, 0, joined.pairing);
  if (neg === null || second === null || first === null || second.x !== first.x) return null;
  return { x: first.x, pairing: joined.pairing, nodes: [...joined.nodes, neg, ...second.nodes, ...first.nodes] };
}

/** Two halves joined along the last axis, or two columns joined and laid flat: the two. */
function joinedPair(
  p: Pattern,
  id: ValueId,
): { readonly first: ValueId; readonly second: ValueId; readonly pairing: Pairing; readonly nodes: readonly Node[] } | null {
  const flat = p.made(id, 'Reshape');
  const concat = p.made(flat === null ? id : input(flat, 0), 'Concat');
  const axis = concat?.attributes['axis'];
  if (concat === null || axis?.kind !== 'int' || concat.inputs.length !== 2) return null;
  const rank = p.shape(output(concat)).length;
  if (frontAxis(axis.value, rank) !== rank - 1) return null;
  const [a, b] = [input(concat, 0), input(concat, 1)];
  if (flat === null) return { first: a, second: b, pairing: 'halves', nodes: [concat] };
  const [first, second] = [column(p, a), column(p, b)];
  if (first === null || second === null || p.shape(id).length !== rank - 1) return null;
  return { first: first.x, second: second.x, pairing: 'neighbours', nodes: [flat, concat, ...first.nodes, ...second.nodes] };
}

/** A value with a last axis of one element put behind it. */
function column(p: Pattern, id: ValueId): Part | null {
  const node = p.made(id, 'Unsqueeze', 'Reshape');
  const x = node === null ? null : input(node, 0);
  return node !== null && x !== null && p.shape(id).at(-1) === 1 && sameShape(p.shape(id).slice(0, -1), p.shape(x))
    ? { x, nodes: [node] }
    : null;
}

/** One number of each pair: a half of the last axis, or every second of it. */
function partOf(p: Pattern, id: ValueId, which: 0 | 1, pairing: Pairing): Part | null {
  const node = p.made(id, 'Slice', 'Split', 'Gather', 'Squeeze');
  if (node === null) return null;
  if (node.op === 'Gather' || node.op === 'Squeeze') return pairing === 'neighbours' ? gathered(p, node, which) : null;
  const x = input(node, 0);
  const shape = p.shape(x);
  const width = shape.at(-1);
  if (typeof width !== 'number' || width % 2 !== 0 || p.shape(id).at(-1) !== width / 2) return null;
  if (node.op === 'Split') {
    const axis = node.attributes['axis'];
    const along = frontAxis(axis?.kind === 'int' ? axis.value : 0, shape.length);
    return pairing === 'halves' && along === shape.length - 1 && node.outputs[which] === id && node.outputs.length === 2
      ? { x, nodes: [node] }
      : null;
  }
  const [starts, axes] = [p.numbers(node.inputs[1]), p.numbers(node.inputs[3])];
  const steps = node.inputs[4] === undefined ? [1] : p.numbers(node.inputs[4]);
  if (starts?.length !== 1 || axes?.length !== 1 || steps?.length !== 1) return null;
  const [start = 0, axis = 0, step = 0] = [starts[0], axes[0], steps[0]];
  if (frontAxis(axis, shape.length) !== shape.length - 1) return null;
  const from = start < 0 ? start + width : start;
  const fits = pairing === 'halves' ? step === 1 && from === (which * width) / 2 : step === 2 && from === which;
  return fits ? { x, nodes: [node] } : null;
}

/** x as [.., pairs, 2], one of the two columns. */
function gathered(p: Pattern, node: Node, which: 0 | 1): Part | null {
  const split = node.op === 'Squeeze' ? p.made(node.inputs[0], 'Split') : null;
  const pairs = p.made(split === null ? node.inputs[0] : split.inputs[0], 'Reshape');
  if (pairs === null) return null;
  const shape = p.shape(output(pairs));
  const x = input(pairs, 0);
  if (shape.at(-1) !== 2 || shape.length !== p.shape(x).length + 1) return null;
  const axis = (split ?? node).attributes['axis'];
  if (axis?.kind !== 'int' || frontAxis(axis.value, shape.length) !== shape.length - 1) return null;
  if (split !== null)
    return split.outputs[which] === node.inputs[0] && split.outputs.length === 2 ? { x, nodes: [node, split, pairs] } : null;
  const index = p.scalar(node.inputs[1]);
  return index !== null && (index + 2) % 2 === which ? { x, nodes: [node, pairs] } : null;
}

/** What a rotation is made of, whatever its spelling. */
interface Rotation {
  readonly x: ValueId;
  readonly cos: ValueId;
  readonly sin: ValueId;
  readonly pairing: Pairing;
  readonly spread: Spread;
  readonly nodes: readonly Node[];
}

/** x · cos + turned(x) · sin */
function summed(p: Pattern, anchor: Node): Rotation | null {
  for (const [straight, turned] of bothWays(anchor)) {
    const [one, two] = [p.made(straight, 'Mul'), p.made(turned, 'Mul')];
    if (one === null || two === null) continue;
    for (const [rotated, sin] of bothWays(two)) {
      const turn = quarterTurn(p, rotated);
      const cos = turn === null ? null : one.inputs[0] === turn.x ? input(one, 1) : one.inputs[1] === turn.x ? input(one, 0) : null;
      if (turn === null || cos === null) continue;
      const spread = turn.pairing === 'halves' ? 'halves' : 'pairs';
      return { x: turn.x, cos, sin, pairing: turn.pairing, spread, nodes: [...turn.nodes, one, two] };
    }
  }
  return null;
}

/** x₁ · cos − x₂ · sin and x₂ · cos + x₁ · sin, joined */
function joined(p: Pattern, anchor: Node): Rotation | null {
  const pair = joinedPair(p, output(anchor));
  const [sub, add] = pair === null ? [null, null] : [p.made(pair.first, 'Sub'), p.made(pair.second, 'Add')];
  if (pair === null || sub === null || add === null) return null;
  const [a, b] = [p.made(sub.inputs[0], 'Mul'), p.made(sub.inputs[1], 'Mul')];
  if (a === null || b === null) return null;
  for (const [first, cos] of bothWays(a)) {
    for (const [second, sin] of bothWays(b)) {
      const one = partOf(p, first, 0, pair.pairing);
      const two = partOf(p, second, 1, pair.pairing);
      if (one === null || two === null || one.x !== two.x) continue;
      const [c, d] = [p.made(add.inputs[0], 'Mul'), p.made(add.inputs[1], 'Mul')];
      if (c === null || d === null) return null;
      const isProduct = (node: Node, x: ValueId, y: ValueId): boolean => bothWays(node).some(([u, v]) => u === x && v === y);
      const fits = (isProduct(c, second, cos) && isProduct(d, first, sin)) || (isProduct(d, second, cos) && isProduct(c, first, sin));
      if (!fits) continue;
      return {
        x: one.x,
        cos,
        sin,
        pairing: pair.pairing,
        spread: 'once',
        nodes: [...pair.nodes, sub, add, a, b, c, d, ...one.nodes, ...two.nodes],
      };
    }
  }
  return null;
}

export const rotaries: Recovery = {
  name: 'recover-rotary',
  summary: 'x · cos + rotated(x) · sin becomes RotaryEmbedding',
  anchors: ['Add', 'Concat', 'Reshape'],
  find(anchor, p, make) {
    const rotation = anchor.op === 'Add' ? summed(p, anchor) : joined(p, anchor);
    return rotation === null ? null : assemble(p, anchor, rotation, make);
  },
};

function assemble(p: Pattern, anchor: Node, r: Rotation, make: Maker): Found | null {
  const { dtype, shape } = p.value(r.x).type;
  const width = shape.at(-1);
  const layout = layoutOf(p.shape(r.cos), shape);
  if (layout === null || typeof width !== 'number' || width % 2 !== 0 || !sameShape(p.shape(output(anchor)), shape)) return null;
  if (layoutOf(p.shape(r.sin), shape) !== layout) return null;
  const cos = cacheOf(p, make, r.cos, layout, shape.length, width, r.spread);
  const sin = cos === null ? null : cacheOf(p, make, r.sin, layout, shape.length, width, r.spread);
  if (cos === null || sin === null) return null;
  const interleaved: Attributes = r.pairing === 'neighbours' ? { interleaved: { kind: 'int', value: 1 } } : {};
  const found = {
    nodes: [...new Set(r.nodes.filter((n) => n !== anchor)), anchor],
    op: 'RotaryEmbedding',
    version: 23,
    detail: r.pairing === 'halves' ? 'pairs across halves' : 'pairs of neighbours',
  };
  if (layout === 'heads first') return { ...found, inputs: [r.x, cos, sin], attributes: interleaved };
  if (layout === 'one head')
    return { ...found, inputs: [r.x, cos, sin], attributes: { ...interleaved, num_heads: { kind: 'int', value: 1 } } };
  // Heads before tokens for the operator: what follows mostly turns them so, and two transpositions in a row are merged later.
  const perm: Attributes = { perm: { kind: 'ints', value: [0, 2, 1, 3] } };
  const turned = [shape[0] ?? 1, shape[2] ?? 1, shape[1] ?? 1, shape[3] ?? 1];
  const w = createNodeWriter(make, anchor);
  const x = w.op('Transpose', [r.x], { dtype, shape: turned }, perm);
  const behind = createNodeWriter(make, anchor);
  const result = make.value(`${anchor.name}/turned`, { dtype, shape: turned });
  behind.op('Transpose', [result], p.value(output(anchor)).type, perm, output(anchor));
  return { ...found, inputs: [x, cos, sin], attributes: interleaved, outputs: [result], before: w.nodes, after: behind.nodes };
}

/** The first features of each head turn, the others pass: one RotaryEmbedding of the whole head. */
export const partialRotaries: Recovery = {
  name: 'recover-partial-rotary',
  summary: 'a RotaryEmbedding of the first features of a head, joined with the others, becomes one of the head',
  anchors: ['Concat'],
  find(anchor, p) {
    const axis = anchor.attributes['axis'];
    const shape = p.shape(output(anchor));
    if (
      axis?.kind !== 'int' ||
      frontAxis(axis.value, shape.length) !== shape.length - 1 ||
      anchor.inputs.length !== 2 ||
      shape.length !== 4
    )
      return null;
    const rotary = p.made(anchor.inputs[0], 'RotaryEmbedding');
    if (rotary === null || rotary.attributes['rotary_embedding_dim'] !== undefined) return null;
    const turned = p.shape(output(rotary)).at(-1);
    const head = cutFrom(p, input(rotary, 0), 0);
    const rest = typeof turned === 'number' ? cutFrom(p, input(anchor, 1), turned) : null;
    if (head === null || rest === null || typeof turned !== 'number' || head.x !== rest.x || !sameShape(p.shape(head.x), shape))
      return null;
    return {
      nodes: [...new Set([...head.nodes, ...rest.nodes]), rotary, anchor],
      op: 'RotaryEmbedding',
      version: 23,
      inputs: [head.x, ...rotary.inputs.slice(1)],
      attributes: { ...rotary.attributes, rotary_embedding_dim: { kind: 'int', value: turned } },
      detail: `${turned} of ${printDim(shape.at(-1) ?? 0)} features of a head`,
    };
  },
};

/** What a Slice or Split takes from this place of the last axis on. */
function cutFrom(p: Pattern, id: ValueId, from: number): Part | null {
  const node = p.made(id, 'Slice', 'Split');
  if (node === null) return null;
  const x = input(node, 0);
  const rank = p.shape(x).length;
  if (node.op === 'Split') {
    const axis = node.attributes['axis'];
    const isLast = frontAxis(axis?.kind === 'int' ? axis.value : 0, rank) === rank - 1;
    return isLast && node.outputs.length === 2 && node.outputs.indexOf(id) === (from === 0 ? 0 : 1) ? { x, nodes: [node] } : null;
  }
  const [starts, axes] = [p.numbers(node.inputs[1]), p.numbers(node.inputs[3])];
  const steps = node.inputs[4] === undefined ? [1] : p.numbers(node.inputs[4]);
  const fits =
    starts?.length === 1 && starts[0] === from && axes?.length === 1 && steps?.join() === '1' && frontAxis(axes[0] ?? 0, rank) === rank - 1;
  return fits ? { x, nodes: [node] } : null;
}
