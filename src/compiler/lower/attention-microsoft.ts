/** Attention, MultiHeadAttention, GroupQueryAttention and QAttention of com.microsoft. */
import { attributeFloat, attributeInt, attributeInts } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { append, joinHeads, splitHeads, windowMask, writeAttention } from './attention-core.ts';
import type { Rule, Rules } from './rule.ts';
import { rotate } from './rotary.ts';
import type { Writer } from './writer.ts';

function scaleOf(node: Node, size: number): number {
  const given = attributeFloat(node, 'scale', 0);
  return Math.fround(given === 0 ? 1 / Math.sqrt(size) : given);
}

/**
 * Masks of com.microsoft count tokens: 1 may be looked at, 0 not. As numbers to add: (mask - 1) · -filter.
 * @returns what broadcasts to [batch, heads, queries, keys]; a reason where the form is not one that is written out
 */
function paddingMask(w: Writer, mask: ValueId, batch: number, queries: number, keys: number, filter: number): ValueId | NotHere {
  const shape = w.shape(mask);
  let wide: readonly number[];
  if (shape.length === 1 && shape[0] === batch) {
    // The length of every sequence: keys before it may be looked at.
    const positions = w.tensor({ dtype: 'int32', shape: [1, keys], data: Int32Array.from({ length: keys }, (_, i) => i) });
    const inside = w.op('Less', [positions, w.reshape(mask, [batch, 1])]);
    return w.reshape(toAdd(w, w.op('Cast', [inside], { to: 1 }), filter), [batch, 1, 1, keys]);
  }
  if (shape.length === 2 && shape[1] === keys) wide = [shape[0] ?? 1, 1, 1, keys];
  else if (shape.length === 3 && shape[2] === keys) wide = [shape[0] ?? 1, 1, shape[1] ?? queries, keys];
  else return { reason: `its mask [${shape.join(', ')}] has a form that is not written out` };
  return w.reshape(toAdd(w, w.op('Cast', [mask], { to: 1 }), filter), wide);
}

/** 1 -> 0, 0 -> filter */
function toAdd(w: Writer, mask: ValueId, filter: number): ValueId {
  return w.op('Mul', [w.op('Sub', [w.float(1), mask]), w.float(filter)]);
}

const defaultFilter = -10000;

const attention: Rule = (w, node) => {
  const [x = null, weights = null, bias = null, mask = null, past = null, added = null] = node.inputs;
  if (x === null || weights === null) return null;
  if (node.inputs[6] !== undefined && node.inputs[6] !== null) return { reason: 'it shares a buffer for past and present' };
  const heads = attributeInt(node, 'num_heads', 1);
  const [batch = 1, queries = 1, input = 1] = w.shape(x);
  const width = w.shape(weights)[1] ?? 1;
  const sizes = attributeInts(node, 'qkv_hidden_sizes', [width / 3, width / 3, width / 3]);
  const [hidden = 1, , valueHidden = 1] = sizes;
  if (attributeInt(node, 'do_rotary', 0) !== 0) return { reason: 'its rotary embedding has no written form' };
  const flat = w.reshape(x, [batch * queries, input]);
  const product = w.op('Gemm', bias === null ? [flat, weights] : [flat, weights, bias]);
  const all = w.reshape(product, [batch, queries, width]);
  let at = 0;
  const [q, k, v] = [0, 1, 2].map((i) => {
    const begin = at;
    at += sizes[i] ?? hidden;
    return splitHeads(w, w.slice(all, 2, begin, at), heads);
  }) as [ValueId, ValueId, ValueId];
  const cached = (i: number): ValueId | null => {
    if (past === null) return null;
    const [, b = 1, n = 1, length = 1, size = 1] = w.shape(past);
    return w.reshape(w.slice(past, 0, i, i + 1), [b, n, length, size]);
  };
  const allK = append(w, cached(0), k);
  const allV = append(w, cached(1), v);
  const keys = w.shape(allK)[2] ?? 1;
  const filter = Math.fround(attributeFloat(node, 'mask_filter_value', defaultFilter));
  const masks: ValueId[] = added === null ? [] : [added];
  if (mask !== null) {
    const made = paddingMask(w, mask, batch, queries, keys, filter);
    if (typeof made !== 'number') return made;
    masks.push(made);
  }
  if (attributeInt(node, 'unidirectional', 0) !== 0) {
    const causal = windowMask(w, queries, keys, keys - queries, -1, 0);
    if (causal !== null) masks.push(causal);
  }
  const { y } = writeAttention(w, { q, k: allK, v: allV, scale: scaleOf(node, hidden / heads), softcap: 0, masks, zeroHidden: true });
  const present = (): ValueId | NotHere => {
    if (hidden !== valueHidden) return { reason: 'keys and values of its cache differ in size' };
    const whole = [2, batch, heads, keys, hidden / heads];
    return w.concat(
      [allK, allV].map((c) => w.reshape(c, [1, ...whole.slice(1)])),
      0,
    );
  };
  if (node.outputs.length < 2) return [joinHeads(w, y)];
  const cache = present();
  return typeof cache === 'number' ? [joinHeads(w, y), cache] : cache;
};

/** The same after its input and weights are numbers again. */
const quantizedAttention: Rule = (w, node) => {
  const [x = null, weights = null, bias = null, scaleX = null, scaleW = null, mask = null, zeroX = null, zeroW = null, past = null] =
    node.inputs;
  if (x === null || weights === null || scaleX === null || scaleW === null) return null;
  const real = w.op('DequantizeLinear', zeroX === null ? [x, scaleX] : [x, scaleX, zeroX]);
  const realW = w.op('DequantizeLinear', zeroW === null ? [weights, scaleW] : [weights, scaleW, zeroW], { axis: 1 });
  const { version: _, ...rest } = node;
  return attention(w, { ...rest, op: 'Attention', inputs: [real, realW, bias, mask, past] });
};

const multiHead: Rule = (w, node) => {
  const [query = null, key = null, value = null, bias = null, padding = null, added = null, pastK = null, pastV = null] = node.inputs;
  if (query === null) return null;
  if (node.inputs.slice(8).some((id) => id !== null && id !== undefined)) return { reason: 'it shares a buffer for past and present' };
  const heads = attributeInt(node, 'num_heads', 1);
  const packed = w.shape(query).length === 5;
  const [batch = 1, queries = 1] = w.shape(query);
  const parts = (): [ValueId, ValueId, ValueId] | NotHere => {
    if (packed) {
      // [batch, length, heads, 3, size]
      const [b = 1, s = 1, n = 1, , h = 1] = w.shape(query);
      return [0, 1, 2].map((i) => w.reshape(w.slice(query, 3, i, i + 1), [b, s, n * h])) as [ValueId, ValueId, ValueId];
    }
    if (key === null) return { reason: 'its keys are packed in a form that is not written out' };
    if (w.shape(key).length === 5) {
      // [batch, length, heads, 2, size]
      const [b = 1, s = 1, n = 1, , h = 1] = w.shape(key);
      const [k, v] = [0, 1].map((i) => w.reshape(w.slice(key, 3, i, i + 1), [b, s, n * h])) as [ValueId, ValueId];
      return [query, k, v];
    }
    return value === null ? { reason: 'it has no values' } : [query, key, value];
  };
  const found = parts();
  if ('reason' in found) return found;
  const [q, k, v] = found;
  let from = 0;
  const withBias = (x: ValueId): ValueId => {
    if (w.shape(x).length === 4) return x;
    const width = w.shape(x)[2] ?? 1;
    const begin = from;
    from += width;
    return splitHeads(w, bias === null ? x : w.op('Add', [x, w.slice(bias, 0, begin, from)]), heads);
  };
  const queryHeads = withBias(q);
  const allK = append(w, pastK, withBias(k));
  const allV = append(w, pastV, withBias(v));
  const keys = w.shape(allK)[2] ?? 1;
  const size = w.shape(queryHeads)[3] ?? 1;
  const masks: ValueId[] = added === null ? [] : [added];
  if (padding !== null) {
    const made = paddingMask(w, padding, batch, queries, keys, Math.fround(attributeFloat(node, 'mask_filter_value', defaultFilter)));
    if (typeof made !== 'number') return made;
    masks.push(made);
  }
  if (attributeInt(node, 'unidirectional', 0) !== 0) {
    const causal = windowMask(w, queries, keys, keys - queries, -1, 0);
    if (causal !== null) masks.push(causal);
  }
  const { y, stages } = writeAttention(w, {
    q: queryHeads,
    k: allK,
    v: allV,
    scale: scaleOf(node, size),
    softcap: 0,
    masks,
    zeroHidden: true,
  });
  return [joinHeads(w, y), allK, allV, stages[0]].slice(0, node.outputs.length);
};

/**
 * One length for all sequences: the cache is full and every token of the query is new, which is what fixed sizes say. The run-time
 * lengths (seqlens_k, total_sequence_length) then have one possible value each and are not read.
 */
const groupQuery: Rule = (w, node) => {
  const [
    query = null,
    key = null,
    value = null,
    pastK = null,
    pastV = null,
    ,
    ,
    cos = null,
    sin = null,
    positions = null,
    added = null,
    sink = null,
  ] = node.inputs;
  if (query === null) return null;
  if (sink !== null || attributeInt(node, 'smooth_softmax', 0) > 0) return { reason: 'its softmax has a sink' };
  const heads = attributeInt(node, 'num_heads', 1);
  const keyHeads = attributeInt(node, 'kv_num_heads', 1);
  const [batch = 1, queries = 1, width = 1] = w.shape(query);
  const size = key === null ? width / (heads + 2 * keyHeads) : width / heads;
  const cut = (begin: number, count: number): ValueId => w.slice(query, 2, begin * size, (begin + count) * size);
  const [q, k, v] =
    key === null || value === null ? [cut(0, heads), cut(heads, keyHeads), cut(heads + keyHeads, keyHeads)] : [query, key, value];
  const widths = [k, v].map((id) => (w.shape(id).length === 4 ? w.shape(id)[3] : (w.shape(id)[2] ?? 0) / keyHeads));
  if (widths.some((found) => found !== size)) return { reason: `its heads differ in size: ${[size, ...widths].join(', ')}` };
  const past = pastK === null ? 0 : (w.shape(pastK)[2] ?? 0);
  const [presentK] = node.outputs.slice(1);
  const total = presentK === undefined ? past + queries : (w.shape(presentK)[2] ?? past + queries);
  // A shared buffer: the new tokens are the last of it.
  const used = total === past && past > 0 ? past - queries : past;
  if (used < 0 || total !== used + queries)
    return { reason: `the lengths of its cache (${past} before, ${total} after) do not say how many tokens it holds` };
  const normalized = (x: ValueId, weight: ValueId | null | undefined): ValueId =>
    weight === null || weight === undefined
      ? x
      : w.op('RMSNormalization', [x, weight], { axis: -1, epsilon: { float: attributeFloat(node, 'qk_norm_epsilon', 1e-6) } });
  const split = (x: ValueId, count: number): ValueId => (w.shape(x).length === 4 ? x : splitHeads(w, x, count));
  const turned = (x: ValueId): ValueId => {
    if (attributeInt(node, 'do_rotary', 0) === 0 || cos === null || sin === null) return x;
    const half = w.shape(cos).at(-1) ?? 1;
    const row = (cache: ValueId): ValueId =>
      positions === null
        ? w.reshape(w.slice(cache, 0, used, used + queries), [1, 1, queries, half])
        : w.reshape(w.op('Gather', [cache, positions], { axis: 0 }), [batch, 1, queries, half]);
    return rotate(w, x, row(cos), row(sin), attributeInt(node, 'rotary_interleaved', 0) !== 0);
  };
  const before = (cache: ValueId | null): ValueId | null => (cache === null || used === 0 ? null : w.slice(cache, 2, 0, used));
  const allK = append(w, before(pastK), turned(normalized(split(k, keyHeads), node.inputs[15])));
  const allV = append(w, before(pastV), split(v, keyHeads));
  const window = attributeInt(node, 'local_window_size', -1);
  const causal = windowMask(w, queries, total, used, window > 0 ? window - 1 : -1, attributeInt(node, 'causal', 1) === 0 ? -1 : 0);
  const masks = [added, causal].filter((m) => m !== null);
  const stage = attributeInt(node, 'qk_output', 0) === 2 ? 3 : 2;
  const { y, stages } = writeAttention(w, {
    q: turned(normalized(split(q, heads), node.inputs[14])),
    k: allK,
    v: allV,
    scale: scaleOf(node, size),
    softcap: attributeFloat(node, 'softcap', 0),
    masks,
    zeroHidden: true,
    weightsRead: stage === 3 && node.outputs.length > 3,
  });
  return [joinHeads(w, y), allK, allV, stages[stage]].slice(0, node.outputs.length);
};

export const microsoftAttentionRules: Rules = {
  Attention: attention,
  QAttention: quantizedAttention,
  MultiHeadAttention: multiHead,
  GroupQueryAttention: groupQuery,
};
