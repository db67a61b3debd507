/** Rotary positions (Su et al. 2021, arXiv:2104.09864) as exporters split them: x · cos + rotate_half(x) · sin with tables of full width. */
import type { Constant, Node, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, type Pattern } from './match.ts';
import type { Found, Maker, Recovery } from './recovery.ts';

/** −x₂, x₁ of the two halves of the last axis: x and the nodes. */
function rotatedHalf(p: Pattern, id: ValueId): { readonly x: ValueId; readonly nodes: readonly Node[] } | null {
  const concat = p.made(id, 'Concat');
  const axis = concat?.attributes['axis'];
  if (concat === null || axis?.kind !== 'int' || concat.inputs.length !== 2) return null;
  const rank = p.shape(id).length;
  if (axis.value !== -1 && axis.value !== rank - 1) return null;
  const neg = p.made(input(concat, 0), 'Neg');
  if (neg === null) return null;
  const high = half(p, input(neg, 0), 1);
  const low = half(p, input(concat, 1), 0);
  if (high === null || low === null || high.x !== low.x) return null;
  return { x: low.x, nodes: [...new Set([concat, neg, high.node, low.node])] };
}

/** The lower (0) or upper (1) half of the last axis, by Slice or Split. */
function half(p: Pattern, id: ValueId, which: 0 | 1): { readonly x: ValueId; readonly node: Node } | null {
  const node = p.made(id, 'Slice', 'Split');
  if (node === null) return null;
  const x = input(node, 0);
  const shape = p.shape(x);
  const width = shape.at(-1);
  if (typeof width !== 'number' || width % 2 !== 0 || p.shape(id).at(-1) !== width / 2) return null;
  if (node.op === 'Split') {
    const axis = node.attributes['axis'];
    const along = axis?.kind === 'int' ? axis.value : 0;
    return (along === -1 || along === shape.length - 1) && node.outputs[which] === id && node.outputs.length === 2 ? { x, node } : null;
  }
  const [start] = p.numbers(node.inputs[1]) ?? [];
  const [axis] = p.numbers(node.inputs[3]) ?? [];
  const [step = 1] = node.inputs[4] === undefined ? [] : (p.numbers(node.inputs[4]) ?? [NaN]);
  if (start === undefined || axis === undefined || step !== 1 || (axis !== -1 && axis !== shape.length - 1)) return null;
  const from = start < 0 ? start + width : start;
  return from === (which * width) / 2 ? { x, node } : null;
}

/** A constant table [.., positions, width] whose halves are equal, as [1, positions, width / 2]. */
function halfTable(p: Pattern, id: ValueId, width: number, make: Maker): ValueId | null {
  const v = p.value(id);
  const shape = v.type.shape.filter((d) => typeof d === 'number');
  const positions = shape.at(-2);
  const lead = shape.slice(0, -2);
  if (shape.length !== v.type.shape.length || positions === undefined || shape.at(-1) !== width || lead.some((d) => d !== 1)) return null;
  if (v.constant?.kind !== 'bytes' || v.type.dtype !== 'float32' || v.quantization !== null) return null;
  const all = v.constant.bytes;
  const row = width * 4;
  const cut = new Uint8Array((all.length / row) * (row / 2));
  for (let r = 0; r * row < all.length; r++) {
    const low = all.subarray(r * row, r * row + row / 2);
    const high = all.subarray(r * row + row / 2, (r + 1) * row);
    if (!low.every((b, i) => b === high[i])) return null;
    cut.set(low, (r * row) / 2);
  }
  const constant: Constant = { kind: 'bytes', bytes: cut };
  return make.constant(`${v.name}/half`, { dtype: 'float32', shape: [1, positions, width / 2] }, constant);
}

export const rotaries: Recovery = {
  name: 'recover-rotary',
  summary: 'x · cos + rotate_half(x) · sin becomes RotaryEmbedding',
  anchors: ['Add'],
  find(anchor, p, make) {
    for (const [a, b] of bothWays(anchor)) {
      const found = rotary(p, anchor, a, b, make);
      if (found !== null) return found;
    }
    return null;
  },
};

function rotary(p: Pattern, anchor: Node, straight: ValueId, turned: ValueId, make: Maker): Found | null {
  const [one, two] = [p.made(straight, 'Mul'), p.made(turned, 'Mul')];
  if (one === null || two === null) return null;
  for (const [rotated, sine] of bothWays(two)) {
    const halves = rotatedHalf(p, rotated);
    if (halves === null) continue;
    const cosine = one.inputs[0] === halves.x ? input(one, 1) : one.inputs[1] === halves.x ? input(one, 0) : null;
    const shape = p.shape(halves.x);
    const width = shape.at(-1);
    // One table for all of the batch: RotaryEmbedding wants one row of it for each.
    if (cosine === null || shape.length !== 4 || shape[0] !== 1 || typeof width !== 'number') continue;
    if (p.shape(cosine).at(-2) !== shape[2] || p.shape(sine).at(-2) !== shape[2]) continue;
    const cos = halfTable(p, cosine, width, make);
    const sin = cos === null ? null : halfTable(p, sine, width, make);
    if (cos === null || sin === null) continue;
    return {
      nodes: [...halves.nodes, one, two, anchor],
      op: 'RotaryEmbedding',
      version: 23,
      inputs: [halves.x, cos, sin],
      detail: 'halves',
    };
  }
  return null;
}
