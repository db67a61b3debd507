/**
 * Scaled-dot-product attention (Vaswani et al. 2017, arXiv:1706.03762) in the spellings of exporters: MatMul, scale before or after,
 * a cap, additive or selecting masks, Softmax, MatMul; heads beside the batch or in it; keys and values shared by several heads
 * (Ainslie et al. 2023, arXiv:2305.13245); caches that keys and values are appended to. It becomes Attention of ai.onnx 23.
 */
import { equalDim, mulDim, printDim, printShape, type Dim } from '../../../graph/index.ts';
import type { Attributes, Node, ValueId } from '../../../graph/ir.ts';
import { apartFrom, keysOf, unshared, valuesOf, withOneHead, writeTurned, type Turned } from './heads.ts';
import { input, output, sameShape, type Pattern } from './match.ts';
import { isCausal, joinMasks, type ScoreShape } from './masks.ts';
import type { Found, Maker, Recovery } from './recovery.ts';
import { isUsual, scoresOf, softmaxOf, type Scores } from './scores.ts';
import { createNodeWriter } from './writer.ts';

interface Parts {
  readonly scores: Scores;
  readonly softmax: NonNullable<ReturnType<typeof softmaxOf>>;
  readonly q: ValueId;
  readonly k: Turned;
  readonly v: Turned;
  /** Nodes that took batch and heads together. */
  readonly nodes: readonly Node[];
}

function isFloat(p: Pattern, id: ValueId, rank: number): boolean {
  const { type } = p.value(id);
  return type.shape.length === rank && type.unranked !== true && /^b?float(16|32)$/.test(type.dtype);
}

/** A cache in front of new keys or values, both of them ends of the model. */
function cacheOf(p: Pattern, operand: Turned): { readonly past: ValueId; readonly fresh: ValueId; readonly node: Node } | null {
  const concat = operand.perm === null ? p.made(operand.id, 'Concat') : null;
  const axis = concat?.attributes['axis'];
  if (concat === null || axis?.kind !== 'int' || (axis.value !== 2 && axis.value !== -2) || concat.inputs.length !== 2) return null;
  const [past, fresh] = [input(concat, 0), input(concat, 1)];
  return p.graph.inputs.includes(past) && p.isOutput(operand.id) ? { past, fresh, node: concat } : null;
}

export const attentions: Recovery = {
  name: 'recover-attention',
  summary: 'MatMul, scale, mask, Softmax, MatMul become Attention, with shared heads and caches where there are any',
  anchors: ['MatMul'],
  find(anchor, p, make) {
    const softmax = softmaxOf(p, input(anchor, 0));
    const scores = softmax === null ? null : scoresOf(p, softmax.x);
    // The operator takes the root of its scale.
    if (softmax === null || scores === null || !(scores.scale > 0)) return null;
    const operands = [scores.q, scores.k, input(anchor, 1)];
    if (operands.every((id) => isFloat(p, id, 4)) && !scores.reshaped && !softmax.reshaped)
      return besideBatch(p, anchor, scores, softmax, make);
    return operands.every((id) => isFloat(p, id, 3)) ? inBatch(p, anchor, scores, softmax, make) : null;
  },
};

function besideBatch(p: Pattern, anchor: Node, scores: Scores, softmax: Parts['softmax'], make: Maker): readonly Found[] {
  const all: Parts = { scores, softmax, q: scores.q, k: keysOf(p, scores.k), v: valuesOf(p, input(anchor, 1)), nodes: [] };
  const [k, v] = [unshared(p, all.k), unshared(p, all.v)];
  // Keys and values share heads the same way, or neither does.
  const shares = k !== all.k && v !== all.v && equalDim(k.shape[1] ?? 0, v.shape[1] ?? 1);
  const parts = shares ? { ...all, k, v } : all;
  const candidates = [cached(p, anchor, parts, make), assemble(p, anchor, parts, make), shares ? assemble(p, anchor, all, make) : null];
  return candidates.filter((c) => c !== null);
}

/** Products of three axes, batch and heads in one: taken apart where they were put together, otherwise each head is a batch of its own. */
function inBatch(p: Pattern, anchor: Node, scores: Scores, softmax: Parts['softmax'], make: Maker): readonly Found[] {
  const turned = threeAxes(p, scores.k);
  const reshape = p.made(scores.q, 'Reshape');
  const from = reshape === null ? [] : p.shape(input(reshape, 0));
  const [batch, heads] = from.length === 4 ? from : [];
  const apart =
    batch === undefined || heads === undefined ? null : [scores.q, turned.id, input(anchor, 1)].map((id) => apartFrom(p, id, batch, heads));
  const [q, k, v] = apart ?? [];
  if (q && k && v && turned.isTurned) {
    const keys: Turned = { id: k.id, shape: p.shape(k.id), nodes: turned.nodes, perm: null };
    const values: Turned = { id: v.id, shape: p.shape(v.id), nodes: [], perm: null };
    const parts: Parts = { scores, softmax, q: q.id, k: keys, v: values, nodes: [] };
    const found = assemble(p, anchor, parts, make, { views: [q.node, k.node, v.node], like: v.node });
    if (found !== null) return [found];
  }
  if (scores.reshaped || softmax.reshaped) return [];
  const found = separately(p, anchor, scores, softmax, turned, make);
  return found === null ? [] : [found];
}

/** Keys [batch · heads, length, size] from their transposition. */
function threeAxes(
  p: Pattern,
  id: ValueId,
): { readonly id: ValueId; readonly nodes: readonly Node[]; readonly isTurned: boolean; readonly perm: readonly number[] } {
  const made = p.users(id).length === 1 && !p.isOutput(id) ? p.made(id, 'Transpose') : null;
  const perm = made?.attributes['perm'];
  if (made === null || perm?.kind !== 'ints') return { id, nodes: [], isTurned: false, perm: [0, 2, 1] };
  const [a = 0, b = 0, c = 0] = perm.value;
  return { id: input(made, 0), nodes: [made], isTurned: perm.value.join() === '0,2,1', perm: [a, c, b] };
}

/** Each head as a batch of one head. */
function separately(
  p: Pattern,
  anchor: Node,
  scores: Scores,
  softmax: Parts['softmax'],
  k: ReturnType<typeof threeAxes>,
  make: Maker,
): Found | null {
  const w = createNodeWriter(make, anchor);
  const { dtype, shape } = p.value(k.id).type;
  const keyShape = k.perm.map((a) => shape[a] ?? 1);
  // Turned with its four axes, so that lowering, which turns keys once more, leaves one transposition.
  const turnedKeys = (): ValueId => {
    const wide = w.op('Unsqueeze', [k.id], { dtype, shape: [1, ...shape] }, { axes: { kind: 'ints', value: [0] } });
    const [a = 0, b = 0, c = 0] = k.perm;
    const [first = 1, ...others] = keyShape;
    return w.op('Transpose', [wide], { dtype, shape: [first, 1, ...others] }, { perm: { kind: 'ints', value: [a + 1, 0, b + 1, c + 1] } });
  };
  const one = (id: ValueId, of: readonly Dim[]): ValueId =>
    w.op(
      'Unsqueeze',
      [id],
      { dtype: p.value(scores.q).type.dtype, shape: [of[0] ?? 1, 1, ...of.slice(1)] },
      { axes: { kind: 'ints', value: [1] } },
    );
  const [first = 1, queries = 1] = p.shape(scores.q);
  const [, length = 1] = keyShape;
  if (!equalDim(first, keyShape[0] ?? 0) || !equalDim(first, p.shape(input(anchor, 1))[0] ?? 0)) return null;
  const space: ScoreShape = { shape: [first, 1, queries, length], offset: 0 };
  const causal = scores.masks.filter((m) => isCausal(p, m, space));
  const others = scores.masks.filter((m) => !causal.includes(m));
  // A mask of three axes has no place for heads; one of two serves them all.
  if (others.some((m) => p.shape(m.kind === 'added' ? m.id : m.condition).length > 2)) return null;
  const joined = joinMasks(p, others, space, w);
  if (joined === null || !sameShape(p.shape(output(scores.product)), [first, queries, length])) return null;
  const out = p.value(output(anchor)).type;
  const result = make.value(`${anchor.name}/heads`, { dtype: out.dtype, shape: [out.shape[0] ?? 1, 1, ...out.shape.slice(1)] });
  const q = one(scores.q, p.shape(scores.q));
  const keys = k.isTurned ? one(k.id, keyShape) : turnedKeys();
  const v = withOneHead(p, input(anchor, 1), w);
  const behind = createNodeWriter(make, anchor);
  behind.op('Squeeze', [result], out, { axes: { kind: 'ints', value: [1] } }, output(anchor));
  return {
    nodes: unique([...scores.nodes, ...k.nodes, ...softmax.nodes], anchor),
    op: 'Attention',
    version: 23,
    inputs: withMask([q, keys, v], joined.mask),
    outputs: [result],
    attributes: attributesOf(p, scores, softmax, p.shape(scores.q)[2], causal.length > 0, p.value(scores.q).type.dtype),
    before: w.nodes,
    after: behind.nodes,
    shapes: shapesOf(scores, softmax, [
      [scores.q, 0],
      [scores.q, 1],
      [k.id, k.perm[1] ?? 1],
    ]),
    detail: detailOf({
      queries: [first, 1, queries, p.shape(scores.q)[2] ?? 1],
      keyHeads: 1,
      scores,
      causal: causal.length > 0,
      masked: joined.mask !== null,
      extra: ['heads in the batch'],
    }),
  };
}

/** With the caches inside the node: what it appends to comes from the model's inputs and goes to its outputs. */
function cached(p: Pattern, anchor: Node, parts: Parts, make: Maker): Found | null {
  const [k, v] = [cacheOf(p, parts.k), cacheOf(p, parts.v)];
  if (k === null || v === null) return null;
  const space: ScoreShape = { shape: scoreShape(p, parts), offset: p.shape(k.past)[2] ?? 0 };
  const w = createNodeWriter(make, anchor);
  const causal = parts.scores.masks.filter((m) => isCausal(p, m, space));
  const joined = joinMasks(
    p,
    parts.scores.masks.filter((m) => !causal.includes(m)),
    space,
    w,
  );
  if (joined === null || !isScores(p, parts, space)) return null;
  const nodes = [...parts.scores.nodes, ...parts.k.nodes, ...parts.v.nodes, ...parts.softmax.nodes, k.node, v.node];
  return {
    nodes: unique(nodes, anchor),
    op: 'Attention',
    version: 23,
    inputs: [parts.q, k.fresh, v.fresh, joined.mask, k.past, v.past],
    outputs: [output(anchor), parts.k.id, parts.v.id],
    attributes: attributesOf(p, parts.scores, parts.softmax, p.shape(parts.q)[3], causal.length > 0, p.value(parts.q).type.dtype),
    before: w.nodes,
    detail: detailOf({
      queries: p.shape(parts.q),
      keyHeads: p.shape(k.fresh)[1] ?? 1,
      scores: parts.scores,
      causal: causal.length > 0,
      masked: joined.mask !== null,
      extra: ['appends to its caches'],
    }),
  };
}

/** @param merged  the products had batch and heads in one axis: the views that made it so, and one whose target the result takes */
function assemble(
  p: Pattern,
  anchor: Node,
  parts: Parts,
  make: Maker,
  merged?: { readonly views: readonly Node[]; readonly like: Node },
): Found | null {
  const { scores, softmax } = parts;
  const w = createNodeWriter(make, anchor);
  const space: ScoreShape = { shape: scoreShape(p, parts), offset: 0 };
  if (merged === undefined && !isScores(p, parts, space)) return null;
  const causal = scores.masks.filter((m) => isCausal(p, m, space));
  const others = scores.masks.filter((m) => !causal.includes(m));
  if (merged !== undefined && !scores.values.every((id) => isApartOrMerged(p.shape(id), space.shape))) return null;
  // On merged products a mask of three axes would have to be taken apart as well.
  if (merged !== undefined && others.some((m) => p.shape(m.kind === 'added' ? m.id : m.condition).length === 3)) return null;
  const joined = joinMasks(p, others, space, w);
  if (joined === null) return null;
  const k = writeTurned(p, parts.k, anchor, w);
  const v = writeTurned(p, parts.v, anchor, w);
  const back = merged === undefined ? null : mergedAgain(p, anchor, parts, merged.like, make);
  if (merged !== undefined && back === null) return null;
  const keyLength = parts.k.perm?.[2] ?? 2;
  return {
    nodes: unique([...scores.nodes, ...parts.k.nodes, ...parts.v.nodes, ...softmax.nodes], anchor),
    also: [...parts.nodes, ...(merged?.views ?? [])],
    op: 'Attention',
    version: 23,
    inputs: withMask([parts.q, k, v], joined.mask),
    ...(back === null ? {} : { outputs: [back.result], after: back.nodes }),
    attributes: attributesOf(p, scores, softmax, p.shape(parts.q)[3], causal.length > 0, p.value(parts.q).type.dtype),
    before: w.nodes,
    ...(merged === undefined
      ? {
          shapes: shapesOf(scores, softmax, [
            [parts.q, 0],
            [parts.q, 1],
            [parts.q, 2],
            [parts.k.id, keyLength],
          ]),
        }
      : {}),
    detail: detailOf({
      queries: p.shape(parts.q),
      keyHeads: parts.k.shape[1] ?? 1,
      scores,
      causal: causal.length > 0,
      masked: joined.mask !== null,
      extra: [],
    }),
  };
}

/** The result of four axes as the three axes that the product had. The target of the values' own view has its form where sizes agree. */
function mergedAgain(
  p: Pattern,
  anchor: Node,
  parts: Parts,
  like: Node,
  make: Maker,
): { readonly result: ValueId; readonly nodes: readonly Node[] } | null {
  const { dtype, shape } = p.value(output(anchor)).type;
  const [batch = 1, heads = 1, queries = 1] = p.shape(parts.q);
  const size = parts.v.shape[3] ?? 1;
  const w = createNodeWriter(make, anchor);
  const result = make.value(`${anchor.name}/heads`, { dtype, shape: [batch, heads, queries, size] });
  const sizes = [mulDim(batch, heads), queries, size].map((d) => (typeof d === 'number' ? d : -1));
  // At most one size may be left to the run; where more are open, the target of a view of the same shape serves.
  const target =
    sizes.filter((d) => d < 0).length <= 1 ? w.ints('merged', sizes) : sameShape(p.shape(output(like)), shape) ? input(like, 1) : null;
  if (target === null) return null;
  w.op('Reshape', [result, target], { dtype, shape }, {}, output(anchor));
  return { result, nodes: w.nodes };
}

function scoreShape(p: Pattern, parts: Parts): readonly Dim[] {
  return [...p.shape(parts.q).slice(0, 3), parts.k.shape[2] ?? 1];
}

/** The products broadcast nothing: batch and heads of keys and values are the queries'. */
function isScores(p: Pattern, parts: Parts, { shape }: ScoreShape): boolean {
  const [batch = 0] = shape;
  const alike = equalDim(batch, parts.k.shape[0] ?? 1) && equalDim(batch, parts.v.shape[0] ?? 1);
  return alike && sameShape(p.shape(output(parts.scores.product)), shape) && equalDim(parts.k.shape[1] ?? 0, parts.v.shape[1] ?? 1);
}

/** [batch, heads, queries, ·] or [batch · heads, queries, ·]. */
function isApartOrMerged(shape: readonly Dim[], [batch = 1, heads = 1, queries = 1]: readonly Dim[]): boolean {
  return sameShape(shape.slice(0, -1), shape.length === 4 ? [batch, heads, queries] : [mulDim(batch, heads), queries]);
}

function withMask(operands: readonly ValueId[], mask: ValueId | null): readonly ValueId[] {
  return mask === null ? operands : [...operands, mask];
}

function attributesOf(
  p: Pattern,
  scores: Scores,
  softmax: Parts['softmax'],
  size: Dim | undefined,
  causal: boolean,
  dtype: string,
): Attributes {
  const precise = p.value(softmax.x).type.dtype === 'float32' && dtype !== 'float32';
  return {
    ...(isUsual(scores.scale, size) ? {} : { scale: { kind: 'float', value: Math.fround(scores.scale) } }),
    ...(scores.softcap === 0 ? {} : { softcap: { kind: 'float', value: Math.fround(scores.softcap) } }),
    ...(causal ? { is_causal: { kind: 'int', value: 1 } } : {}),
    // TensorProto.DataType of float32: half-precision models take the softmax in it.
    ...(precise ? { softmax_precision: { kind: 'int', value: 1 } } : {}),
    // Ours, for lowering: the operator has no word for what a softmax over nothing is.
    ...(softmax.zeroHidden ? { zero_hidden: { kind: 'int', value: 1 } } : {}),
  };
}

function shapesOf(
  scores: Scores,
  softmax: Parts['softmax'],
  axes: readonly (readonly [ValueId, number])[],
): ReadonlyMap<ValueId, readonly (readonly [ValueId, number])[]> {
  return new Map([...scores.values, ...softmax.values, output(scores.product)].map((id) => [id, axes]));
}

interface Details {
  readonly queries: readonly Dim[];
  readonly keyHeads: Dim;
  readonly scores: Scores;
  readonly causal: boolean;
  readonly masked: boolean;
  readonly extra: readonly string[];
}

function detailOf({ queries, keyHeads, scores, causal, masked, extra }: Details): string {
  const heads = queries[1] ?? 1;
  const chosen = scores.masks.some((m) => m.kind === 'chosen');
  return [
    `queries ${printShape(queries)}`,
    ...(equalDim(heads, keyHeads) ? [] : [`${printDim(heads)} heads over ${printDim(keyHeads)} of keys and values`]),
    ...(causal ? ['causal'] : []),
    ...(masked ? [chosen && !causal ? 'selecting mask' : 'additive mask'] : []),
    ...(scores.softcap === 0 ? [] : [`scores capped at ${Number(scores.softcap.toPrecision(4))}`]),
    ...extra,
  ].join(', ');
}

function unique(nodes: readonly Node[], anchor: Node): readonly Node[] {
  return [...new Set(nodes.filter((n) => n !== anchor)), anchor];
}
