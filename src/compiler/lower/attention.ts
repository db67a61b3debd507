/** Attention and RotaryEmbedding of ai.onnx. */
import { attributeFloat, attributeInt } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { additiveMask, append, joinHeads, splitHeads, windowMask, writeAttention } from './attention-core.ts';
import type { Rule, Rules } from './rule.ts';
import { rotate } from './rotary.ts';
import type { Writer } from './writer.ts';

/**
 *     %y = Attention(%q, %k, %v, %mask)
 *  =>
 *     %s = Add(Mul(MatMul(%q, %kᵀ), scale), %mask)
 *     %y = MatMul(Softmax(%s), %v)
 */
const attention: Rule = (w, node) => {
  const [q = null, k = null, v = null, mask = null, pastK = null, pastV = null, lengths = null] = node.inputs;
  if (q === null || k === null || v === null) return null;
  const flat = w.shape(q).length === 3;
  const queryHeads = attributeInt(node, 'q_num_heads', 0);
  const keyHeads = attributeInt(node, 'kv_num_heads', 0);
  const heads = (x: ValueId, count: number): ValueId => (flat ? splitHeads(w, x, count) : x);
  const allK = append(w, pastK, heads(k, keyHeads));
  const allV = append(w, pastV, heads(v, keyHeads));
  const query = heads(q, queryHeads);
  const [, , queries = 1, size = 1] = w.shape(query);
  const keys = w.shape(allK)[2] ?? 1;
  const past = pastK === null ? 0 : (w.shape(pastK)[2] ?? 0);
  const causal = attributeInt(node, 'is_causal', 0) !== 0;
  const left = attributeInt(node, 'left_window_size', -1);
  const right = attributeInt(node, 'right_window_size', -1);
  const ahead = causal ? (right < 0 ? 0 : Math.min(0, right)) : right;
  // Without a cache of its own the operator takes the last of the valid keys for those of the queries.
  const moving = lengths !== null && pastK === null;
  const masks = [moving ? null : windowMask(w, queries, keys, past, left, ahead)].filter((m) => m !== null);
  if (lengths !== null) masks.push(lengthMask(w, lengths, queries, keys, moving ? { left, right: ahead } : { left: -1, right: -1 }));
  if (mask !== null) {
    const shape = w.shape(mask);
    const columns = shape.at(-1) ?? 1;
    let added = additiveMask(w, mask);
    if (columns !== keys && columns !== 1) {
      const fill = { dtype: w.value(added).type.dtype, shape: [...shape.slice(0, -1), keys - columns] };
      added = w.concat(
        [added, w.lazy(fill, { kind: 'splat', element: new Uint8Array(Float32Array.of(-Infinity).buffer) })],
        shape.length - 1,
      );
    }
    masks.push(added);
  }
  const stage = attributeInt(node, 'qk_matmul_output_mode', 0);
  const { y, stages } = writeAttention(w, {
    q: query,
    k: allK,
    v: allV,
    scale: Math.fround(attributeFloat(node, 'scale', 1 / Math.sqrt(size))),
    softcap: attributeFloat(node, 'softcap', 0),
    masks,
    // One that was put together from a softmax keeps what that softmax gives, unless the file set it to zero.
    zeroHidden: node.origin.length <= 1 || attributeInt(node, 'zero_hidden', 0) !== 0,
    weightsRead: stage === 3 && node.outputs.length > 3,
  });
  const scores = stages[stage] ?? stages[0];
  return [flat ? joinHeads(w, y) : y, allK, allV, scores].slice(0, node.outputs.length);
};

/**
 * What is added where a query may not look when only a run tells how many keys are valid: behind them, and outside [at - left, at + right]
 * around its own position, the queries being the last of the valid keys; -1: no bound. [batch, 1, 1 or queries, keys]
 */
function lengthMask(
  w: Writer,
  lengths: ValueId,
  queries: number,
  keys: number,
  { left, right }: { readonly left: number; readonly right: number },
): ValueId {
  const [batch = 1] = w.shape(lengths);
  const valid = w.reshape(w.op('Cast', [lengths], { to: 6 }), [batch, 1, 1, 1]);
  const table = (rows: number, of: (query: number, key: number) => number): ValueId =>
    w.tensor({
      dtype: 'int32',
      shape: [1, 1, rows, keys],
      data: Int32Array.from({ length: rows * keys }, (_, i) => of(Math.floor(i / keys), i % keys)),
    });
  const seen = [w.op('Less', [table(1, (_, key) => key), valid])];
  // The position of a query is valid - queries + query.
  if (right >= 0) seen.push(w.op('Less', [table(queries, (query, key) => key - query + queries - right - 1), valid]));
  if (left >= 0) seen.push(w.op('Less', [valid, table(queries, (query, key) => key - query + queries + left + 1)]));
  const visible = seen.reduce((all, one) => w.op('And', [all, one]));
  return w.op('Where', [visible, w.float(0), w.float(-Infinity)]);
}

/** Rows of the caches by position, or the caches as they are. */
function angles(w: Writer, cache: ValueId, positions: ValueId | null): ValueId {
  return positions === null ? cache : w.op('Gather', [cache, positions], { axis: 0 });
}

const rotaryEmbedding: Rule = (w, node) => rotary(w, node, node.inputs[1] ?? null, node.inputs[2] ?? null, node.inputs[3] ?? null);

const microsoftRotary: Rule = (w, node) => {
  const [x = null, positions = null, cos = null, sin = null] = node.inputs;
  if (x === null || positions === null) return null;
  const shape = w.shape(x);
  const length = shape[shape.length === 3 ? 1 : 2] ?? 1;
  const batch = shape[0] ?? 1;
  let ids = positions;
  if (w.shape(positions).reduce((n, d) => n * d, 1) === 1 && batch * length > 1) {
    // The position of the first token: the others follow.
    ids = w.op('Add', [w.reshape(positions, [1]), w.ints(Array.from({ length }, (_, i) => i))]);
    ids = w.op('Expand', [w.reshape(ids, [1, length]), w.ints([batch, length])]);
  }
  return rotary(w, node, cos, sin, w.reshape(ids, [batch, length]));
};

function rotary(w: Writer, node: Node, cos: ValueId | null, sin: ValueId | null, positions: ValueId | null): readonly ValueId[] | null {
  const [x = null] = node.inputs;
  if (x === null || cos === null || sin === null) return null;
  const shape = w.shape(x);
  const [batch = 1, , width = 1] = shape;
  const half = w.shape(cos).at(-1) ?? 1;
  const stated = attributeInt(node, 'num_heads', 0);
  const flat = shape.length === 3;
  const heads = stated > 0 ? stated : Math.max(1, Math.floor(width / (2 * half)));
  const query = flat ? splitHeads(w, x, heads) : x;
  const length = w.shape(query)[2] ?? 1;
  const row = (cache: ValueId): ValueId => {
    const rows = angles(w, cache, positions);
    return w.reshape(rows, [(w.shape(rows)[0] ?? 1) === batch ? batch : 1, 1, length, half]);
  };
  const turned = rotate(w, query, row(cos), row(sin), attributeInt(node, 'interleaved', 0) !== 0);
  const scale = Math.fround(attributeFloat(node, 'scale', 1));
  const scaled = node.domain === '' || scale === 1 ? turned : w.op('Mul', [turned, w.float(scale)]);
  return [flat ? joinHeads(w, scaled) : scaled];
}

export const attentionRules: Rules = { Attention: attention, RotaryEmbedding: rotaryEmbedding };
export const microsoftRotaryRules: Rules = { RotaryEmbedding: microsoftRotary };
