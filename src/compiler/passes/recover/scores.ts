/** What stands between the two products of an attention: scales, a cap, masks added or selected, casts. */
import type { Node, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, near, output, sameShape, throughCasts, withScalar, type Pattern } from './match.ts';

/** A mask on the scores: numbers added, or a condition that says where scores stay and where a number takes their place. */
export type Mask =
  | { readonly kind: 'added'; readonly id: ValueId }
  | { readonly kind: 'chosen'; readonly condition: ValueId; readonly visible: boolean; readonly fill: number };

export interface Scores {
  readonly nodes: readonly Node[];
  /** The first product. */
  readonly product: Node;
  readonly q: ValueId;
  /** Keys, transposed. */
  readonly k: ValueId;
  readonly scale: number;
  /** 0: none. */
  readonly softcap: number;
  readonly masks: readonly Mask[];
  /** Every value of the shape of the scores, the product first. */
  readonly values: readonly ValueId[];
  /** Batch and heads are one axis in the products and two where masks are added. */
  readonly reshaped: boolean;
}

/** What masks put in the place of scores nobody may see: from −10⁴ (a common stand-in of exporters for minus infinity) on down. */
const unseen = -9999;

/** Scores before the softmax; null where the value is made in another way. */
export function scoresOf(p: Pattern, id: ValueId): Scores | null {
  return read(p, id, 8);
}

function read(p: Pattern, given: ValueId, depth: number): Scores | null {
  const cast = throughCasts(p, given);
  const node = p.made(cast.id, 'Add', 'Sub', 'Where', 'Mul', 'Div', 'Max', 'Reshape', 'MatMul');
  if (node === null || depth === 0) return null;
  const rest = step(p, node, depth - 1);
  return rest === null
    ? null
    : { ...rest, nodes: [...cast.nodes, node, ...rest.nodes], values: [...rest.values, cast.id, ...cast.nodes.flatMap((n) => n.outputs)] };
}

function step(p: Pattern, node: Node, depth: number): Scores | null {
  switch (node.op) {
    case 'MatMul':
      return product(p, node);
    case 'Sub':
      return multiplicative(p, node, depth);
    case 'Add': {
      const masked = multiplicative(p, node, depth);
      if (masked !== null) return masked;
      for (const [inner, mask] of bothWays(node)) {
        const scores = p.scalar(mask) === null ? read(p, inner, depth) : null;
        // Nothing added, as the body of Attention writes it where there is no mask.
        const isNothing =
          scores !== null && sameShape(p.shape(inner), p.shape(output(node))) && p.numbers(mask)?.every((n) => n === 0) === true;
        if (scores !== null && isNothing) return scores;
        // In a wider float than the queries: Attention would add it in theirs, and round.
        if (scores !== null && p.value(output(node)).type.dtype !== p.value(scores.q).type.dtype) return null;
        if (scores !== null) return { ...scores, masks: [...scores.masks, { kind: 'added', id: mask }] };
      }
      return null;
    }
    case 'Where':
      return chosen(p, node, depth);
    case 'Max': {
      // Nothing below the lowest number there is: what exporters write after adding two of them.
      const found = node.inputs.length === 2 ? withScalar(p, node) : null;
      return found !== null && found[1] <= -1e30 ? read(p, found[0], depth) : null;
    }
    case 'Reshape': {
      const scores = read(p, input(node, 0), depth);
      return scores === null ? null : { ...scores, reshaped: true };
    }
    default:
      return multiplied(p, node, depth);
  }
}

function chosen(p: Pattern, node: Node, depth: number): Scores | null {
  const condition = input(node, 0);
  for (const [at, visible] of [
    [1, true],
    [2, false],
  ] as const) {
    const fill = p.scalar(node.inputs[3 - at]);
    const scores = fill !== null && fill <= unseen ? read(p, input(node, at), depth) : null;
    if (scores !== null && fill !== null) return { ...scores, masks: [...scores.masks, { kind: 'chosen', condition, visible, fill }] };
  }
  return null;
}

/** scores · m + low · (1 − m), with m 0 or 1: what m hides becomes the low number, as Where would have it. */
function multiplicative(p: Pattern, node: Node, depth: number): Scores | null {
  const ways = node.op === 'Add' ? bothWays(node) : bothWays(node).slice(0, 1);
  for (const [left, right] of ways) {
    const product = p.made(left, 'Mul');
    for (const [inner, mask] of product === null ? [] : bothWays(product)) {
      const hidden = isBinary(p, mask, 6) ? complementOf(p, right, mask) : null;
      const fill = hidden === null ? 0 : node.op === 'Add' ? hidden.factor : -hidden.factor;
      const scores = hidden !== null && fill <= unseen ? read(p, inner, depth) : null;
      if (scores === null || hidden === null || product === null || !sameShape(p.shape(inner), p.shape(left))) continue;
      return {
        ...scores,
        nodes: [product, ...hidden.nodes, ...scores.nodes],
        masks: [...scores.masks, { kind: 'chosen', condition: mask, visible: true, fill }],
        values: [...scores.values, left],
      };
    }
  }
  return null;
}

/** factor · (1 − m), or a constant that is that. */
function complementOf(p: Pattern, id: ValueId, mask: ValueId): { readonly factor: number; readonly nodes: readonly Node[] } | null {
  const [known, ones] = [p.numbers(id), p.numbers(mask)];
  if (known !== null && ones !== null && sameShape(p.shape(id), p.shape(mask))) {
    const factor = known.find((_, i) => ones[i] === 0) ?? 0;
    return known.every((x, i) => x === (ones[i] === 0 ? factor : 0)) ? { factor, nodes: [] } : null;
  }
  const times = p.made(id, 'Mul');
  const found = times === null ? null : withScalar(p, times);
  const rest = found === null ? null : p.made(found[0], 'Sub');
  if (times === null || found === null || rest === null || p.scalar(rest.inputs[0]) !== 1 || rest.inputs[1] !== mask) return null;
  // What else is made of them may stay: they lie beside the scores, not between them.
  const own = [times, rest].filter((n) => n.outputs.every((x) => p.users(x).length === 1 && !p.isOutput(x)));
  return { factor: found[1], nodes: own.length === 2 ? own : [] };
}

/** Nothing but zeros and ones, as far as can be told without reading weights. */
function isBinary(p: Pattern, id: ValueId, depth: number): boolean {
  if (p.value(id).type.dtype === 'bool') return true;
  const known = p.numbers(id);
  if (known !== null) return known.every((x) => x === 0 || x === 1);
  const node = p.made(id, 'Cast', 'Slice', 'Reshape', 'Unsqueeze', 'Squeeze', 'Expand', 'Transpose', 'Identity', 'Gather');
  return node !== null && depth > 0 && isBinary(p, input(node, 0), depth - 1);
}

/** A scale, or the outer factor of a cap: c · tanh(scores / c). Neither may come behind a mask. */
function multiplied(p: Pattern, node: Node, depth: number): Scores | null {
  const found = withScalar(p, node);
  if (found === null || (node.op === 'Div' && (node.inputs[0] !== found[0] || found[1] === 0))) return null;
  const factor = node.op === 'Mul' ? found[1] : 1 / found[1];
  const tanh = node.op === 'Mul' ? p.made(throughCasts(p, found[0]).id, 'Tanh') : null;
  if (tanh !== null) {
    const scores = read(p, input(tanh, 0), depth);
    // The division by the cap was taken for a part of the scale.
    if (scores === null || scores.softcap !== 0 || scores.masks.length > 0 || factor <= 0) return null;
    const values = [...scores.values, output(tanh)];
    return {
      ...scores,
      nodes: [...throughCasts(p, found[0]).nodes, tanh, ...scores.nodes],
      scale: scores.scale * factor,
      softcap: factor,
      values,
    };
  }
  const scores = read(p, found[0], depth);
  return scores === null || scores.masks.length > 0 || scores.softcap !== 0 ? null : { ...scores, scale: scores.scale * factor };
}

/** q · kᵀ, with scales before it on q, on k, or on both. */
function product(p: Pattern, node: Node): Scores {
  const q = scaled(p, input(node, 0));
  const k = scaled(p, input(node, 1));
  return {
    nodes: [...q.nodes, ...k.nodes],
    product: node,
    q: q.id,
    k: k.id,
    scale: q.factor * k.factor,
    softcap: 0,
    masks: [],
    values: [],
    reshaped: false,
  };
}

/** A value times a number that only it is read through; the scale of keys may stand before their transposition. */
function scaled(p: Pattern, id: ValueId): { readonly id: ValueId; readonly factor: number; readonly nodes: readonly Node[] } {
  const node = p.made(id, 'Mul', 'Div');
  const found = node === null ? null : withScalar(p, node);
  const plain = { id, factor: 1, nodes: [] };
  if (node === null || found === null || p.users(id).length !== 1 || p.isOutput(id) || !sameShape(p.shape(id), p.shape(found[0])))
    return plain;
  if (node.op === 'Div' && (node.inputs[0] !== found[0] || found[1] === 0)) return plain;
  return { id: found[0], factor: node.op === 'Mul' ? found[1] : 1 / found[1], nodes: [node] };
}

export interface Softmax {
  readonly x: ValueId;
  readonly nodes: readonly Node[];
  readonly values: readonly ValueId[];
  readonly reshaped: boolean;
  /** A query that sees no key gets zeros, as operators of attention have it. */
  readonly zeroHidden: boolean;
}

/** The softmax over keys, perhaps in another type: its operand, and the nodes. */
export function softmaxOf(p: Pattern, id: ValueId): Softmax | null {
  const cast = throughCasts(p, id);
  const zeroed = zeroedNaN(p, cast.id);
  const guard = zeroed ?? neverZeroed(p, cast.id);
  const safe = guard === null ? cast : { id: guard.x, nodes: [...cast.nodes, ...guard.nodes] };
  const view = p.made(safe.id, 'Reshape');
  const below = view === null ? safe : throughCasts(p, input(view, 0));
  const softmax = p.made(below.id, 'Softmax');
  if (softmax === null) return null;
  const axis = softmax.attributes['axis'];
  const rank = p.shape(output(softmax)).length;
  const along = axis?.kind === 'int' ? axis.value : (softmax.version ?? p.graph.opset) >= 13 ? -1 : 1;
  if (along !== -1 && along !== rank - 1) return null;
  const nodes = [...safe.nodes, ...(view === null ? [] : [view, ...below.nodes]), softmax];
  const values = nodes.flatMap((n) => n.outputs);
  return { x: input(softmax, 0), nodes, values, reshaped: view !== null, zeroHidden: zeroed !== null };
}

/** What is not a number set to zero, which only a softmax over nothing but minus infinities makes: PyTorch guards its softmax so. */
function zeroedNaN(p: Pattern, id: ValueId): { readonly x: ValueId; readonly nodes: readonly Node[] } | null {
  const where = p.made(id, 'Where');
  const isNaN = where === null ? null : p.made(where.inputs[0], 'IsNaN');
  if (where === null || isNaN === null || p.scalar(where.inputs[1]) !== 0 || isNaN.inputs[0] !== where.inputs[2]) return null;
  const x = input(where, 2);
  if (!sameShape(p.shape(x), p.shape(id))) return null;
  const cast = throughCasts(p, x);
  return { x: cast.id, nodes: [where, isNaN, ...cast.nodes] };
}

/** Weights set to zero for queries that see nothing, where it is known that there are none: the body of Attention has it so. */
function neverZeroed(p: Pattern, id: ValueId): { readonly x: ValueId; readonly nodes: readonly Node[] } | null {
  const where = p.made(id, 'Where');
  if (where === null || p.numbers(where.inputs[0])?.every((n) => n === 0) !== true) return null;
  const x = input(where, 2);
  if (!sameShape(p.shape(x), p.shape(id))) return null;
  const cast = throughCasts(p, x);
  return { x: cast.id, nodes: [where, ...cast.nodes] };
}

/** Whether the scale is the usual one: 1 / √size. */
export function isUsual(scale: number, size: unknown): boolean {
  return typeof size === 'number' && near(scale, 1 / Math.sqrt(size));
}
