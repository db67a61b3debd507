/**
 * Scaled dot-product attention on heads: softmax(q·kᵀ·scale, softcap, + mask)·v. Grouped heads are not copied: the query heads that
 * share a key head become rows of one product.
 */
import { fail, graphMessages, onnxMessages } from '../../core/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import type { Writer } from './writer.ts';

export interface AttentionParts {
  /** [batch, queryHeads, queries, size] */
  readonly q: ValueId;
  /** [batch, keyHeads, keys, size] */
  readonly k: ValueId;
  /** [batch, keyHeads, keys, valueSize] */
  readonly v: ValueId;
  readonly scale: number;
  /** 0: none. */
  readonly softcap: number;
  /** Added to the scores [batch, queryHeads, queries, keys], broadcast. */
  readonly masks: readonly ValueId[];
  /** A query that sees no key gets zeros, as attention operators define it; left out, what the softmax of nothing is (not a number). */
  readonly zeroHidden?: boolean;
  /** Whether the weights behind the softmax are an output too. */
  readonly weightsRead?: boolean;
}

export interface AttentionResult {
  /** [batch, queryHeads, queries, valueSize] */
  readonly y: ValueId;
  /** Scores: the product, after softcap, with the masks, after softmax. */
  readonly stages: readonly [ValueId, ValueId, ValueId, ValueId];
}

export function writeAttention(w: Writer, a: AttentionParts): AttentionResult {
  const [batch = 1, heads = 1, queries = 1, size = 1] = w.shape(a.q);
  const [, keyHeads = 1, keys = 1] = w.shape(a.k);
  const valueSize = w.shape(a.v)[3] ?? 1;
  const group = heads / keyHeads;
  const grouped = (x: ValueId, last: number): ValueId => (group === 1 ? x : w.reshape(x, [batch, keyHeads, group * queries, last]));
  const apart = (x: ValueId, last: number): ValueId => (group === 1 ? x : w.reshape(x, [batch, heads, queries, last]));
  const product = w.op('MatMul', [grouped(a.q, size), w.transpose(a.k, [0, 1, 3, 2])]);
  const scaled = apart(a.scale === 1 ? product : w.op('Mul', [product, w.float(a.scale)]), keys);
  const capped = a.softcap > 0 ? w.op('Mul', [w.op('Tanh', [w.op('Mul', [scaled, w.float(1 / a.softcap)])]), w.float(a.softcap)]) : scaled;
  const masked = a.masks.reduce((scores, mask) => w.op('Add', [scores, mask]), capped);
  const softmax = w.op('Softmax', [masked], { axis: -1 });
  const seeing = a.zeroHidden === true ? seeingRows(w, a.masks) : null;
  const orZero = (x: ValueId): ValueId => (seeing === null ? x : w.op('Where', [seeing, x, w.float(0)]));
  // The results are fewer than the weights, which somebody may want to see all the same.
  const weights = a.weightsRead === true ? orZero(softmax) : softmax;
  const y = apart(w.op('MatMul', [grouped(weights, keys), a.v]), valueSize);
  return { y: a.weightsRead === true ? y : orZero(y), stages: [scaled, capped, masked, weights] };
}

/** Numbers of constant masks that are looked at; larger ones count as if they could hide every key. */
const mostLookedAt = 2 ** 20;

/** [.., queries, 1]: whether a query sees any key; null where all masks together certainly leave one to each. */
function seeingRows(w: Writer, masks: readonly ValueId[]): ValueId | null {
  const [first, ...rest] = masks;
  if (first === undefined) return null;
  const sum = rest.reduce((all, mask) => w.op('Add', [all, mask]), first);
  const most = w.op('ReduceMax', [sum, w.ints([w.shape(sum).length - 1])], { keepdims: 1 });
  const seeing = w.op('Greater', [most, w.float(-Infinity)]);
  const isSmall = w.shape(sum).reduce((n, d) => n * d, 1) <= mostLookedAt;
  const known = isSmall ? w.numbers(seeing) : null;
  return known?.every((x) => x !== 0) === true ? null : seeing;
}

/** [batch, length, heads · size] -> [batch, heads, length, size] */
export function splitHeads(w: Writer, x: ValueId, heads: number): ValueId {
  const [batch = 1, length = 1, width = 1] = w.shape(x);
  if (width % heads !== 0) {
    const problem = `${width} features do not divide into ${heads} heads`;
    fail(graphMessages.inputsDoNotFit({ op: 'Attention', node: w.value(x).name, problem, change: '' }));
  }
  return w.transpose(w.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [batch, heads, length, size] -> [batch, length, heads · size] */
export function joinHeads(w: Writer, x: ValueId): ValueId {
  const [batch = 1, heads = 1, length = 1, size = 1] = w.shape(x);
  return w.reshape(w.transpose(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/** Adds a new part behind a cache along the sequence, axis 2. */
export function append(w: Writer, past: ValueId | null, next: ValueId): ValueId {
  return past === null || w.shape(past)[2] === 0 ? next : w.concat([past, next], 2);
}

/** Numbers of a mask that is written out: 1 GiB of them. */
const largestMask = 2 ** 28;

/** What is added where a query may not look: everything outside [at - left, at + right] around its own position; -1: no bound. */
export function windowMask(
  w: Writer,
  queries: number,
  keys: number,
  offset: number,
  left: number,
  right: number,
  out: number = -Infinity,
): ValueId | null {
  if (left < 0 && right < 0) return null;
  // Nothing is out of reach of any query (a decode step looks at the whole cache).
  const lowest = left < 0 ? -1 : offset + queries - 1 - left;
  const highest = right < 0 ? keys : offset + right;
  if (lowest <= 0 && highest >= keys - 1) return null;
  if (queries * keys > largestMask) fail(onnxMessages.tensorTooLarge({ where: 'the mask of its scores', dims: [queries, keys] }));
  const data = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) {
    const at = i + offset;
    for (let j = 0; j < keys; j++) if ((left >= 0 && j < at - left) || (right >= 0 && j > at + right)) data[i * keys + j] = out;
  }
  return w.tensor({ dtype: 'float32', shape: [queries, keys], data });
}

/** A boolean mask (true: may look) or one of numbers, as numbers to add. */
export function additiveMask(w: Writer, mask: ValueId): ValueId {
  return w.value(mask).type.dtype === 'bool' ? w.op('Where', [mask, w.float(0), w.float(-Infinity)]) : mask;
}
