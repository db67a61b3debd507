/** Attention with a running state, token after token; and the causal convolution before it. */
import { attributeFloat, attributeInt, attributeString } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { unrollLimit, type Rule, type Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** Nodes for one token, about. */
const nodesPerToken = 16;

/**
 * With the state S [batch, heads, size, width] of each head, for every token:
 *
 *     S = e^g · S,  v = β · (v − k · S),  S = S + kᵀ · v,  y = scale · (q · S)
 */
const linear: Rule = (w, node) => {
  const [query = null, key = null, value = null, past = null, decay = null, beta = null, erase = null] = node.inputs;
  const [out, present] = node.outputs;
  if (query === null || key === null || value === null || out === undefined || w.shape(query).includes(0)) return null;
  const rule = attributeString(node, 'update_rule', 'gated_delta');
  const heads = attributeInt(node, 'kv_num_heads', 1);
  const readers = attributeInt(node, 'q_num_heads', 1);
  const [batch = 1, length = 1, wide = 1] = w.shape(query);
  const size = wide / readers;
  const width = (w.shape(value)[2] ?? 1) / heads;
  const writers = (w.shape(key)[2] ?? 1) / size;
  const most = Math.floor(unrollLimit / nodesPerToken);
  if (length > most)
    return {
      reason: `its state passes through ${length} tokens`,
      limit: { what: 'tokens', actual: String(length), allowed: String(most) },
    };
  if (heads % writers !== 0 || (readers % heads !== 0 && heads % readers !== 0))
    return { reason: 'its heads do not share their keys evenly' };
  const stated = attributeFloat(node, 'scale', 0);
  const scale = w.float(stated === 0 ? Math.fround(1 / Math.sqrt(size)) : stated);
  /** One token of an operand as [batch, heads, ...], a head used by several repeated. */
  const token = (x: ValueId, t: number, own: number, shape: readonly number[]): ValueId => {
    const cut = w.reshape(w.slice(x, 1, t, t + 1), [batch, own, 1, ...shape]);
    if (own === heads) return w.reshape(cut, [batch, heads, ...shape]);
    return w.reshape(w.op('Expand', [cut, w.ints([batch, own, heads / own, ...shape])]), [batch, heads, ...shape]);
  };
  const perHead = (x: ValueId, of: number): number => (w.shape(x)[2] ?? 1) / of;
  const zeros = (): ValueId =>
    w.lazy({ dtype: 'float32', shape: [batch, heads, size, width] }, { kind: 'splat', element: new Uint8Array(4) });
  let state = past ?? zeros();
  const results: ValueId[] = [];
  for (let t = 0; t < length; t++) {
    if (rule.startsWith('gated') && decay !== null) {
      state = w.op('Mul', [state, w.op('Exp', [token(decay, t, heads, [perHead(decay, heads), 1])])]);
    }
    let written = token(value, t, heads, [1, width]);
    const keys = token(key, t, writers, [1, size]);
    if (rule.endsWith('delta') && beta !== null) {
      const read = erase === null ? keys : w.op('Mul', [token(erase, t, heads, [1, size]), keys]);
      const seen = w.op('MatMul', [read, state]);
      const count = w.shape(beta)[2] ?? 1;
      written = w.op('Mul', [token(beta, t, count, [1, 1]), w.op('Sub', [written, seen])]);
    }
    state = w.op('Add', [state, w.op('Mul', [token(key, t, writers, [size, 1]), written])]);
    results.push(w.op('Mul', [scale, retrieved(w, w.slice(query, 1, t, t + 1), state, { batch, heads, readers, size, width })]));
  }
  return [w.concat(results, 1), ...(present === undefined ? [] : [state])];
};

interface Heads {
  readonly batch: number;
  readonly heads: number;
  readonly readers: number;
  readonly size: number;
  readonly width: number;
}

/** q · S, as [batch, 1, all heads · width]. */
function retrieved(w: Writer, query: ValueId, state: ValueId, { batch, heads, readers, size, width }: Heads): ValueId {
  if (readers >= heads) {
    // Several queries read one state: they are rows of one product.
    const rows = w.op('MatMul', [w.reshape(query, [batch, heads, readers / heads, size]), state]);
    return w.reshape(rows, [batch, 1, readers * width]);
  }
  const shared = w.op('Expand', [w.reshape(query, [batch, readers, 1, size]), w.ints([batch, readers, heads / readers, size])]);
  const rows = w.op('MatMul', [w.reshape(shared, [batch, heads, 1, size]), state]);
  return w.reshape(rows, [batch, 1, heads * width]);
}

/** A convolution of each channel over the state followed by the input; the last positions are the state of the next run. */
const causalConvolution: Rule = (w, node) => {
  const [x = null, weights = null, bias = null, past = null] = node.inputs;
  const [out, present] = node.outputs;
  if (x === null || weights === null || out === undefined || w.shape(x).includes(0)) return null;
  const [batch = 1, channels = 1, length = 1] = w.shape(x);
  const kept = (w.shape(weights)[2] ?? 1) - 1;
  const before = past ?? w.lazy({ dtype: 'float32', shape: [batch, channels, kept] }, { kind: 'splat', element: new Uint8Array(4) });
  const line = kept === 0 ? x : w.concat([before, x], 2);
  const sum = w.op('Conv', [line, weights, ...(bias === null ? [] : [bias])], { group: channels, kernel_shape: [kept + 1] });
  const isSilu = attributeString(node, 'activation', 'none') !== 'none';
  const result = isSilu ? w.op('Mul', [sum, w.op('Sigmoid', [sum])]) : sum;
  if (present === undefined) return [result];
  return [result, kept === 0 ? before : w.slice(line, 2, length, length + kept)];
};

export const linearAttentionRules: Rules = { LinearAttention: linear, CausalConvWithState: causalConvolution };
