/** com.microsoft GroupQueryAttention: shared key heads, rotary positions, a cache of which each sequence fills its own part. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { addDim, floorDivDim, maxDim, mulDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { attend, attentionMacs, defaultScale, swapMiddle, type HeadSizes } from './attention-core.ts';
import { allOf, attentionBias, type AddMask } from './attention-masks.ts';
import { storeAs } from './attention.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { optionalTensor } from './quantized-ops.ts';
import { normalizedRows, scaleRows } from './rms-normalization.ts';
import { rotate } from './rotary.ts';

/** Places of the inputs behind query, key and value. */
const at = {
  pastKey: 3,
  pastValue: 4,
  lengths: 5,
  total: 6,
  cos: 7,
  sin: 8,
  positions: 9,
  bias: 10,
  sink: 11,
  qNorm: 14,
  kNorm: 15,
} as const;

interface Operands {
  readonly batch: Dim;
  readonly queries: Dim;
  readonly heads: number;
  readonly keyHeads: number;
  readonly size: Dim;
  /** Queries, keys and values stand in one row of the query input. */
  readonly packed: boolean;
}

function read(context: OpContext, inputs: readonly ({ readonly shape: readonly Dim[] } | null)[]): Operands {
  const heads = intAttribute(context, 'num_heads', 0);
  const keyHeads = intAttribute(context, 'kv_num_heads', 0);
  if (heads < 1 || keyHeads < 1 || heads % keyHeads !== 0) {
    badAttribute(context, 'num_heads', String(heads), `a multiple of kv_num_heads (${keyHeads}), both from 1`);
  }
  const q = inputs[0]?.shape ?? [];
  if (q.length !== 3) misfit(context, `the query ${printShape(q)} is not of rank 3`);
  const [batch = 1, queries = 1, width = 1] = q;
  const packed = (inputs[1] ?? null) === null;
  const parts = packed ? heads + 2 * keyHeads : heads;
  if (typeof width === 'number' && width % parts !== 0) misfit(context, `${width} features do not divide into ${parts} heads`);
  return { batch, queries, heads, keyHeads, size: floorDivDim(width, parts), packed };
}

/** Entries of the present cache: the longest sequence, and no less than the cache that came in. */
function presentLength(context: InferContext, o: Operands): Dim {
  const past = context.inputs[at.pastKey]?.shape[2] ?? null;
  const total = context.dims(at.total)?.[0];
  if (total !== undefined) return past === null ? total : maxDim(past, total);
  if (past === null) return o.queries;
  // A cache that keeps its buffer stays as long as it is; another grows by the tokens of this call.
  return context.unknownDim(addDim(past, o.queries), `the values of input ${at.total} (total_sequence_length)`);
}

function infer(context: InferContext): readonly TensorType[] {
  const { dtype } = requiredType(context, 0, 'query');
  requiredType(context, at.lengths, 'seqlens_k');
  requiredType(context, at.total, 'total_sequence_length');
  const o = read(context, context.inputs);
  const length = presentLength(context, o);
  const total = context.dims(at.total)?.[0] ?? length;
  const cache: TensorType = { dtype: context.inputs[at.pastKey]?.dtype ?? dtype, shape: [o.batch, o.keyHeads, length, o.size] };
  return [
    { dtype, shape: [o.batch, o.queries, mulDim(o.heads, o.size)] },
    cache,
    cache,
    { dtype, shape: [o.batch, o.heads, o.queries, total] },
  ];
}

/** Columns `from` to `from + count · size` of rows of `width`, as heads [batch, count, length, size]. */
function headsOf(x: Float32Array, rows: readonly [number, number], width: number, from: number, count: number, size: number): Float32Array {
  const [batch, length] = rows;
  const part = new Float32Array(batch * length * count * size);
  for (let t = 0; t < batch * length; t++) part.set(x.subarray(t * width + from, t * width + from + count * size), t * count * size);
  return swapMiddle(part, batch, length, count, size);
}

function evaluate(context: EvaluateContext): readonly Tensor[] {
  for (const name of ['k_quant_type', 'v_quant_type']) {
    const kind = stringAttribute(context, name, 'NONE');
    if (kind !== 'NONE') badAttribute(context, name, kind, 'NONE (a cache of quantized numbers is not evaluated)');
  }
  if (intAttribute(context, 'sliding_window_cache', 0) !== 0) {
    badAttribute(context, 'sliding_window_cache', '1', '0 (a cache that drops old entries is not evaluated)');
  }
  const query = requiredTensor(context, 0, 'query');
  const { heads, keyHeads, packed, ...o } = read(context, context.inputs);
  const [batch, queries, size] = [Number(o.batch), Number(o.queries), Number(o.size)];
  const lengths = numbersOf(requiredTensor(context, at.lengths, 'seqlens_k'));
  const total = numbersOf(requiredTensor(context, at.total, 'total_sequence_length'))[0] ?? queries;
  const source = floatsOf(query);
  const rows = [batch, queries] as const;
  const width = query.shape[2] ?? 1;
  const other = (index: number, part: number): Float32Array => {
    if (packed) return headsOf(source, rows, width, (heads + part * keyHeads) * size, keyHeads, size);
    const t = requiredTensor(context, index, 'key');
    // Keys that come as heads (a cache of an encoder) need no turning around.
    return t.shape.length === 4 ? floatsOf(t) : headsOf(floatsOf(t), rows, keyHeads * size, 0, keyHeads, size);
  };
  let q = headsOf(source, rows, width, 0, heads, size);
  let k = other(1, 0);
  const v = other(2, 1);
  const norm = (x: Float32Array, index: number): Float32Array => {
    const weight = optionalTensor(context, index);
    if (weight === null) return x;
    return scaleRows(normalizedRows(x, size, floatAttribute(context, 'qk_norm_epsilon', 1e-6), false).normalized, floatsOf(weight), null);
  };
  q = norm(q, at.qNorm);
  k = norm(k, at.kNorm);
  // A first call has nothing before it, whatever the padding; later ones stand behind what their sequence has.
  const before = (b: number): number => (total === queries ? 0 : (lengths[b] ?? 0) + 1 - queries);
  if (intAttribute(context, 'do_rotary', 0) !== 0) {
    const [cos, sin] = [requiredTensor(context, at.cos, 'cos_cache'), requiredTensor(context, at.sin, 'sin_cache')];
    const stated = optionalTensor(context, at.positions);
    const ids = stated === null || stated.shape.length !== 2 || (stated.shape[1] ?? 0) !== queries ? null : numbersOf(stated);
    const turned = 2 * (cos.shape[1] ?? 0);
    const interleaved = intAttribute(context, 'rotary_interleaved', 0) !== 0;
    const row = (b: number, t: number): number => (ids === null ? Math.max(0, before(b)) + t : (ids[b * queries + t] ?? 0));
    const turn = (x: Float32Array, count: number): Float32Array =>
      rotate(x, floatsOf(cos), floatsOf(sin), { batch, heads: count, length: queries, size, turned, interleaved }, row);
    q = turn(q, heads);
    k = turn(k, keyHeads);
  }
  const pastLength = context.inputs[at.pastKey]?.shape[2] ?? 0;
  const capacity = Math.max(total, pastLength);
  const cached = (index: number, next: Float32Array): Float32Array => {
    const buffer = optionalTensor(context, index);
    const past = buffer === null ? null : floatsOf(buffer);
    const out = new Float32Array(batch * keyHeads * capacity * size);
    for (let n = 0; n < batch * keyHeads; n++) {
      const start = before(Math.floor(n / keyHeads));
      if (past !== null) out.set(past.subarray(n * pastLength * size, (n + 1) * pastLength * size), n * capacity * size);
      for (let t = 0; t < queries; t++) {
        if (start + t < 0 || start + t >= capacity) continue;
        out.set(next.subarray((n * queries + t) * size, (n * queries + t + 1) * size), (n * capacity + start + t) * size);
      }
    }
    return out;
  };
  const [allKeys, allValues] = [cached(at.pastKey, k), cached(at.pastValue, v)];
  const sizes: HeadSizes = { batch, queryHeads: heads, keyHeads, queries, keys: capacity, size, valueSize: size };
  const window = intAttribute(context, 'local_window_size', -1);
  const causal = intAttribute(context, 'causal', 1) !== 0;
  const range: AddMask = (b, _head, i, row) => {
    const position = before(b) + i;
    const last = causal ? position : Math.min(total, (lengths[b] ?? 0) + 1) - 1;
    const first = window >= 0 ? position - window + 1 : 0;
    for (let j = 0; j < row.length; j++) if (j > last || j < first || j >= total) row[j] = -Infinity;
  };
  const sink = optionalTensor(context, at.sink);
  const sinks = sink === null ? null : floatsOf(sink);
  const smooth = intAttribute(context, 'smooth_softmax', 0) === 1;
  const store = storeAs(query.dtype);
  const scale = floatAttribute(context, 'scale', 0);
  const wanted = context.outputs[3];
  const scores = wanted === undefined ? null : new Float32Array(batch * heads * queries * capacity);
  const out = attend(
    sizes,
    { q, k: allKeys, v: allValues },
    {
      scale: scale === 0 ? defaultScale(size) : scale,
      softcap: floatAttribute(context, 'softcap', 0),
      bias: allOf([narrowBias(optionalTensor(context, at.bias)), range]),
      sink: sinks !== null ? (head) => sinks[head] ?? 0 : smooth ? () => 0 : null,
      store,
      storeSoftmax: store,
      observe: scores === null ? null : { stage: intAttribute(context, 'qk_output', 0) === 2 ? 'softmax' : 'bias', into: scores },
    },
  );
  const y = swapMiddle(out, batch, heads, queries, size);
  return [y, allKeys, allValues, scores ?? y].slice(0, context.outputs.length).map((data, i) => {
    const type = context.outputs[i] ?? outputType(context);
    return tensorOf(type.dtype, type.shape, i < 3 ? data : columns(data, capacity, type.shape.at(-1) ?? 1, elementCount(type.shape)));
  });
}

/** The bias reaches over the keys it has columns for; scores may be kept for a longer buffer. */
function narrowBias(bias: Tensor | null): AddMask {
  if (bias === null) return () => undefined;
  const add = attentionBias(bias);
  const width = bias.shape[3] ?? 1;
  return (b, head, query, row) => add(b, head, query, width === 1 ? row : row.subarray(0, width));
}

/** The first `width` columns of rows of `capacity`. */
function columns(x: Float32Array, capacity: number, width: number, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = x[Math.floor(i / width) * capacity + (i % width)] ?? 0;
  return out;
}

/**
 * Inputs: query, key, value, past_key, past_value, seqlens_k (tokens of each sequence - 1), total_sequence_length, cos_cache,
 * sin_cache, position_ids, attention_bias, head_sink, k_scale, v_scale, q_norm_weight, k_norm_weight.
 */
const groupQueryAttention: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'GroupQueryAttention',
  since: [1],
  kernelClass: 'host',
  attributes: {
    causal: 1,
    do_rotary: 0,
    k_quant_type: 'NONE',
    kv_cache_bit_width: 'computed',
    kv_num_heads: 'required',
    local_window_size: -1,
    num_heads: 'required',
    qk_norm_epsilon: 1e-6,
    qk_output: 0,
    rotary_interleaved: 0,
    scale: 'computed',
    sliding_window_cache: 0,
    smooth_softmax: 0,
    softcap: 0,
    v_quant_type: 'NONE',
  },
  infer,
  evaluate,
  macs(context) {
    const o = read(context, context.inputs);
    const [batch, queries, size] = [Number(o.batch), Number(o.queries), Number(o.size)];
    const past = context.inputs[at.pastKey]?.shape[2] ?? 0;
    const keys = context.outputs[1]?.shape[2] ?? past + queries;
    return attentionMacs({ batch, queryHeads: o.heads, keyHeads: o.keyHeads, queries, keys, size, valueSize: size });
  },
});

export const groupQueryOps: readonly OpDef[] = [groupQueryAttention];
