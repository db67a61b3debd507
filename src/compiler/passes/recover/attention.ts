/**
 * Scaled-dot-product attention (Vaswani et al. 2017, arXiv:1706.03762) in the spellings of exporters: MatMul, scale before or after,
 * additive or selecting mask, Softmax, MatMul; keys and values shared by several heads (Ainslie et al. 2023, arXiv:2305.13245); caches
 * that keys and values are appended to. It becomes Attention of ai.onnx 23.
 */
import { printShape } from '../../../graph/index.ts';
import type { Attributes, Node, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, near, output, withScalar, type Pattern } from './match.ts';
import type { Found, Maker, Recovery } from './recovery.ts';

/** Scores before the softmax. */
interface Scores {
  readonly nodes: readonly Node[];
  readonly q: ValueId;
  readonly kTransposed: ValueId;
  readonly scale: number;
  readonly mask: ValueId | null;
  /** The mask says which scores to take (Where), it is not added. */
  readonly selects: boolean;
}

/** A very negative number, as masks use it for minus infinity. */
const absent = -1000;

function scoresOf(p: Pattern, id: ValueId): Scores | null {
  const add = p.made(id, 'Add');
  if (add !== null) {
    for (const [inner, mask] of bothWays(add)) {
      const scores = scaledProduct(p, inner);
      if (scores !== null) return { ...scores, nodes: [add, ...scores.nodes], mask };
    }
  }
  const where = p.made(id, 'Where');
  if (where !== null) {
    const [condition, a, b] = [input(where, 0), input(where, 1), input(where, 2)];
    const masked = p.scalar(b);
    const scores = masked !== null && masked <= absent ? scaledProduct(p, a) : null;
    if (scores !== null) return { ...scores, nodes: [where, ...scores.nodes], mask: condition, selects: true };
  }
  return scaledProduct(p, id);
}

/** q · kᵀ with a scale behind it, or before it on q, on k, or on both. */
function scaledProduct(p: Pattern, id: ValueId): Scores | null {
  const behind = scaled(p, id);
  const product = p.made(behind.id, 'MatMul');
  if (product === null) return null;
  const q = scaled(p, input(product, 0));
  const k = scaled(p, input(product, 1));
  return {
    nodes: [...behind.nodes, product, ...q.nodes, ...k.nodes],
    q: q.id,
    kTransposed: k.id,
    scale: behind.factor * q.factor * k.factor,
    mask: null,
    selects: false,
  };
}

function scaled(p: Pattern, id: ValueId): { readonly id: ValueId; readonly factor: number; readonly nodes: readonly Node[] } {
  const node = p.made(id, 'Mul', 'Div');
  const found = node === null ? null : withScalar(p, node);
  if (node === null || found === null || p.users(id).length !== 1 || p.isOutput(id)) return { id, factor: 1, nodes: [] };
  if (node.op === 'Div' && (node.inputs[0] !== found[0] || found[1] === 0)) return { id, factor: 1, nodes: [] };
  return { id: found[0], factor: node.op === 'Mul' ? found[1] : 1 / found[1], nodes: [node] };
}

/** Keys as [batch, heads, length, size], from what the product reads transposed. */
function keysOf(
  p: Pattern,
  id: ValueId,
  anchor: Node,
  make: Maker,
): { readonly k: ValueId; readonly nodes: readonly Node[]; readonly before: readonly Node[] } {
  const made = p.made(id, 'Transpose');
  const perm = made?.attributes['perm'];
  if (made !== null && perm?.kind === 'ints' && p.users(id).length === 1) {
    const x = input(made, 0);
    if (perm.value.join() === '0,1,3,2') return { k: x, nodes: [made], before: [] };
    return transposed(p, x, [perm.value[0] ?? 0, perm.value[1] ?? 0, perm.value[3] ?? 0, perm.value[2] ?? 0], [made], anchor, make);
  }
  return transposed(p, id, [0, 1, 3, 2], [], anchor, make);
}

function transposed(
  p: Pattern,
  x: ValueId,
  perm: readonly number[],
  nodes: readonly Node[],
  anchor: Node,
  make: Maker,
): { readonly k: ValueId; readonly nodes: readonly Node[]; readonly before: readonly Node[] } {
  const { dtype, shape } = p.value(x).type;
  const k = make.value(`${anchor.name}/keys`, { dtype, shape: perm.map((axis) => shape[axis] ?? 1) });
  const before: Node = {
    op: 'Transpose',
    domain: '',
    name: `${anchor.name}/keys`,
    inputs: [x],
    outputs: [k],
    attributes: { perm: { kind: 'ints', value: perm } },
    origin: anchor.origin,
  };
  return { k, nodes, before: [before] };
}

/** Heads repeated by Unsqueeze, Expand, Reshape: the heads before. */
function sharedHeads(p: Pattern, id: ValueId): { readonly id: ValueId; readonly nodes: readonly Node[] } {
  const reshape = p.made(id, 'Reshape');
  const expand = reshape === null ? null : p.made(reshape.inputs[0], 'Expand', 'Tile');
  const unsqueeze = expand === null ? null : p.made(expand.inputs[0], 'Unsqueeze');
  if (reshape === null || expand === null || unsqueeze === null || expand.op !== 'Expand') return { id, nodes: [] };
  const x = input(unsqueeze, 0);
  const five = p.shape(output(unsqueeze));
  const wide = p.shape(output(expand));
  const four = p.shape(id);
  const [, heads] = p.shape(x);
  const groups = wide[2];
  const fits = p.shape(x).length === 4 && five.length === 5 && five[2] === 1 && wide.length === 5 && four.length === 4;
  if (!fits || typeof heads !== 'number' || typeof groups !== 'number' || four[1] !== heads * groups) return { id, nodes: [] };
  return { id: x, nodes: [unsqueeze, expand, reshape] };
}

/** A cache in front of new keys or values, both of them ends of the model. */
function cacheOf(p: Pattern, id: ValueId): { readonly past: ValueId; readonly fresh: ValueId; readonly node: Node } | null {
  const concat = p.made(id, 'Concat');
  const axis = concat?.attributes['axis'];
  if (concat === null || axis?.kind !== 'int' || (axis.value !== 2 && axis.value !== -2) || concat.inputs.length !== 2) return null;
  const [past, fresh] = [input(concat, 0), input(concat, 1)];
  return p.graph.inputs.includes(past) && p.isOutput(id) ? { past, fresh, node: concat } : null;
}

function isFloat4(p: Pattern, id: ValueId): boolean {
  const { type } = p.value(id);
  return type.shape.length === 4 && type.unranked !== true && /float/.test(type.dtype);
}

export const attentions: Recovery = {
  name: 'recover-attention',
  summary: 'MatMul, scale, mask, Softmax, MatMul become Attention, with shared heads and caches where there are any',
  anchors: ['MatMul'],
  find(anchor, p, make) {
    const softmax = p.made(anchor.inputs[0], 'Softmax');
    if (softmax === null) return null;
    const axis = softmax.attributes['axis'];
    const rank = p.shape(output(softmax)).length;
    const along = axis?.kind === 'int' ? axis.value : (softmax.version ?? p.graph.opset) >= 13 ? -1 : 1;
    if (along !== -1 && along !== rank - 1) return null;
    const scores = scoresOf(p, input(softmax, 0));
    if (scores === null || ![scores.q, scores.kTransposed, input(anchor, 1)].every((id) => isFloat4(p, id))) return null;
    const inner = maskOf(p, scores);
    if (inner === null) return null;
    const keys = keysOf(p, scores.kTransposed, anchor, make);
    const k = sharedHeads(p, keys.k);
    const v = sharedHeads(p, input(anchor, 1));
    return assemble(p, anchor, {
      nodes: [...scores.nodes, ...keys.nodes, softmax],
      before: keys.before,
      scores,
      // Keys and values share heads the same way, or neither does.
      k: k.nodes.length > 0 === v.nodes.length > 0 ? k : { id: keys.k, nodes: [] },
      v: k.nodes.length > 0 === v.nodes.length > 0 ? v : { id: input(anchor, 1), nodes: [] },
      mask: inner.mask,
    });
  },
};

/** The mask, where Attention takes it as it is: at most four axes, the first ones as wide as batch and heads or 1. */
function maskOf(p: Pattern, scores: Scores): { readonly mask: ValueId | null } | null {
  if (scores.mask === null) return { mask: null };
  const { type } = p.value(scores.mask);
  if (type.unranked === true || type.shape.length > 4 || type.shape.length < 2) return null;
  return scores.selects === (type.dtype === 'bool') ? { mask: scores.mask } : null;
}

interface Parts {
  readonly nodes: readonly Node[];
  readonly before: readonly Node[];
  readonly scores: Scores;
  readonly k: { readonly id: ValueId; readonly nodes: readonly Node[] };
  readonly v: { readonly id: ValueId; readonly nodes: readonly Node[] };
  readonly mask: ValueId | null;
}

function assemble(p: Pattern, anchor: Node, { nodes, before, scores, k, v, mask }: Parts): Found {
  const [pastK, pastV] = before.length > 0 ? [null, null] : [cacheOf(p, k.id), cacheOf(p, v.id)];
  const caches = pastK !== null && pastV !== null ? { k: pastK, v: pastV } : null;
  const size = p.shape(scores.q)[3];
  const usual = typeof size === 'number' && near(scores.scale, 1 / Math.sqrt(size));
  const attributes: Attributes = usual ? {} : { scale: { kind: 'float', value: Math.fround(scores.scale) } };
  const [heads, shared] = [p.shape(scores.q)[1], p.shape(k.id)[1]];
  const details = [
    `queries ${printShape(p.shape(scores.q))}`,
    ...(heads === shared ? [] : [`${String(heads)} heads over ${String(shared)} of keys and values`]),
    ...(mask === null ? [] : [scores.selects ? 'selecting mask' : 'additive mask']),
    ...(caches === null ? [] : ['appends to its caches']),
  ];
  const all = [...nodes, ...k.nodes, ...v.nodes, ...(caches === null ? [] : [caches.k.node, caches.v.node])];
  return {
    nodes: [...new Set(all), anchor],
    op: 'Attention',
    version: 23,
    inputs:
      caches === null
        ? mask === null
          ? [scores.q, k.id, v.id]
          : [scores.q, k.id, v.id, mask]
        : [scores.q, caches.k.fresh, caches.v.fresh, mask, caches.k.past, caches.v.past],
    ...(caches === null ? {} : { outputs: [output(anchor), k.id, v.id] }),
    attributes,
    before,
    detail: details.join(', '),
  };
}
