/** Attention of ai.onnx: 3-D and 4-D operands, grouped heads, masks, windows, caches inside and outside the node. */
import {
  bfloat16FromFloat32,
  elementCount,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  rowMajorStrides,
  type DType,
  type Tensor,
} from '../../core/index.ts';
import { addDim, floorDivDim, mulDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { appendSequence } from './attention-cache.ts';
import { asFloat32, attend, attentionMacs, defaultScale, swapMiddle, type HeadSizes, type ScoreStage } from './attention-core.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const round = Math.fround;

const stages: readonly ScoreStage[] = ['product', 'softcap', 'bias', 'softmax'];

/** Heads and sizes of one operand, whether [batch, heads, length, size] or [batch, length, heads · size]. */
interface Operand {
  readonly batch: Dim;
  readonly heads: Dim;
  readonly length: Dim;
  readonly size: Dim;
}

function operand(context: OpContext, shape: readonly Dim[], attribute: string): Operand {
  const [batch = 1, b = 1, c = 1, d = 1] = shape;
  if (shape.length === 4) return { batch, heads: b, length: c, size: d };
  const heads = intAttribute(context, attribute, 0);
  if (heads < 1) badAttribute(context, attribute, String(heads), 'the number of heads, from 1, where operands have three axes');
  if (typeof c === 'number' && c % heads !== 0) misfit(context, `${c} features do not divide into ${heads} heads`);
  return { batch, heads, length: b, size: floorDivDim(c, heads) };
}

interface Operands {
  readonly q: Operand;
  readonly k: Operand;
  readonly v: Operand;
  /** Keys of the cache before these. */
  readonly past: Dim;
}

function readOperands(context: OpContext, shapes: readonly (readonly Dim[] | null)[]): Operands {
  const [q, k, v] = shapes;
  if (q === null || k === null || v === null || q === undefined || k === undefined || v === undefined) {
    return misfit(context, 'Q, K and V are needed');
  }
  if (![3, 4].includes(q.length) || k.length !== q.length || v.length !== q.length) {
    misfit(context, `Q ${printShape(q)}, K ${printShape(k)} and V ${printShape(v)} are not all of rank 3 or all of rank 4`);
  }
  const past = shapes[4] ?? null;
  return {
    q: operand(context, q, 'q_num_heads'),
    k: operand(context, k, 'kv_num_heads'),
    v: operand(context, v, 'kv_num_heads'),
    past: past === null ? 0 : (past[2] ?? 0),
  };
}

function sizesOf(operands: Operands): HeadSizes {
  const { q, k, v, past } = operands;
  return {
    batch: Number(q.batch),
    queryHeads: Number(q.heads),
    keyHeads: Number(k.heads),
    queries: Number(q.length),
    keys: Number(k.length) + Number(past),
    size: Number(q.size),
    valueSize: Number(v.size),
  };
}

function inferAttention(context: InferContext): readonly TensorType[] {
  const [tq, tk, tv] = [requiredType(context, 0, 'Q'), requiredType(context, 1, 'K'), requiredType(context, 2, 'V')];
  const operands = readOperands(
    context,
    context.inputs.map((t) => (t === null ? null : t.shape)),
  );
  const { q, k, v, past } = operands;
  if (typeof q.heads === 'number' && typeof k.heads === 'number' && q.heads % k.heads !== 0) {
    misfit(context, `${q.heads} query heads do not divide among ${k.heads} key heads`);
  }
  if (typeof q.size === 'number' && typeof k.size === 'number' && q.size !== k.size) {
    misfit(context, `a query head has ${q.size} features, a key head ${k.size}`);
  }
  for (const [what, a, b] of [
    ['batches', q.batch, k.batch],
    ['batches', k.batch, v.batch],
    ['heads', k.heads, v.heads],
    ['positions', k.length, v.length],
  ] as const) {
    if (typeof a === 'number' && typeof b === 'number' && a !== b) misfit(context, `Q, K and V have ${a} and ${b} ${what}`);
  }
  const total = addDim(past, k.length);
  checkMask(context, [q.batch, q.heads, q.length, total]);
  const y: TensorType = {
    dtype: tq.dtype,
    shape: tq.shape.length === 4 ? [q.batch, q.heads, q.length, v.size] : [q.batch, q.length, mulDim(q.heads, v.size)],
  };
  return [
    y,
    { dtype: tk.dtype, shape: [k.batch, k.heads, total, k.size] },
    { dtype: tv.dtype, shape: [v.batch, v.heads, total, v.size] },
    { dtype: tq.dtype, shape: [q.batch, q.heads, q.length, total] },
  ];
}

/** A mask broadcasts to the scores; only its last axis may be shorter. */
function checkMask(context: InferContext, scores: readonly Dim[]): void {
  const mask = context.inputs[3]?.shape ?? [];
  mask.forEach((extent, i) => {
    const axis = i + scores.length - mask.length;
    const whole = scores[axis];
    if (typeof extent !== 'number' || typeof whole !== 'number') return;
    if (extent === 1 || extent === whole || (axis === scores.length - 1 && extent < whole)) return;
    misfit(context, `its mask ${printShape(mask)} does not broadcast to its scores ${printShape(scores)}`);
  });
}

/** Rounds to the element type; fp32 for wider ones. */
export function storeAs(dtype: DType): (x: number) => number {
  if (dtype === 'float16') return (x) => float32FromFloat16(float16FromFloat32(round(x)));
  if (dtype === 'bfloat16') return (x) => float32FromBfloat16(bfloat16FromFloat32(round(x)));
  return asFloat32;
}

function softmaxType(context: OpContext, otherwise: DType): DType {
  const codes: Readonly<Record<number, DType>> = { 1: 'float32', 10: 'float16', 11: 'float64', 16: 'bfloat16' };
  const given = intAttribute(context, 'softmax_precision', 0);
  return codes[given] ?? otherwise;
}

/** Adds a mask of rank 1 to 4, broadcast to the scores; a boolean one takes out what is false. Missing last columns are taken out. */
function maskReader(mask: Tensor, sizes: HeadSizes): (b: number, head: number, query: number, row: Float32Array) => void {
  const data = numbersOf(mask);
  const isBool = mask.dtype === 'bool';
  const rank = mask.shape.length;
  const strides = rowMajorStrides(mask.shape);
  const step = (axis: number, index: number): number => {
    const at = axis - (4 - rank);
    return at < 0 || mask.shape[at] === 1 ? 0 : index * (strides[at] ?? 0);
  };
  const columns = mask.shape[rank - 1] ?? 1;
  return (b, head, query, row) => {
    const base = step(0, b) + step(1, head) + step(2, query);
    for (let j = 0; j < sizes.keys; j++) {
      const m = columns === 1 && sizes.keys !== 1 && rank > 0 ? data[base] : j < columns ? data[base + j] : undefined;
      if (m === undefined) row[j] = -Infinity;
      else if (isBool) row[j] = m === 0 ? -Infinity : 0;
      else row[j] = m;
    }
  };
}

function evaluateAttention(context: EvaluateContext): readonly Tensor[] {
  const [q, k, v] = [requiredTensor(context, 0, 'Q'), requiredTensor(context, 1, 'K'), requiredTensor(context, 2, 'V')];
  const operands = readOperands(
    context,
    context.inputs.map((t) => (t === null ? null : t.shape)),
  );
  const sizes = sizesOf(operands);
  const { batch, keyHeads, queryHeads, queries, keys, size, valueSize } = sizes;
  const past = Number(operands.past);
  const added = keys - past;
  const flat = q.shape.length === 3;
  const heads = (t: Tensor, count: number, length: number, width: number): Float32Array =>
    flat ? swapMiddle(floatsOf(t), batch, length, count, width) : floatsOf(t);
  const cached = (index: number, next: Float32Array, width: number): Float32Array =>
    hasInput(context, index)
      ? appendSequence(floatsOf(requiredTensor(context, index, 'past')), past, next, added, batch * keyHeads, width)
      : next;
  const allKeys = cached(4, heads(k, keyHeads, added, size), size);
  const allValues = cached(5, heads(v, keyHeads, added, valueSize), valueSize);

  // ONNX multiplies both operands by √scale.
  const scale = context.node.attributes['scale'] === undefined ? defaultScale(size) : floatAttribute(context, 'scale', 1);
  const store = storeAs(q.dtype);
  const root = store(round(Math.sqrt(scale)));
  const scaled = (x: Float32Array): Float32Array => x.map((e) => store(round(e * root)));

  const mask = hasInput(context, 3) ? maskReader(requiredTensor(context, 3, 'attn_mask'), sizes) : null;
  const lengths = hasInput(context, 6) ? numbersOf(requiredTensor(context, 6, 'nonpad_kv_seqlen')) : null;
  const causal = intAttribute(context, 'is_causal', 0) !== 0;
  const left = intAttribute(context, 'left_window_size', -1);
  const right = intAttribute(context, 'right_window_size', -1);
  const bias = (b: number, head: number, query: number, row: Float32Array): void => {
    mask?.(b, head, query, row);
    // Keys before this block of queries: those of the cache.
    const offset = lengths !== null && !hasInput(context, 4) ? (lengths[b] ?? keys) - queries : past;
    const at = query + offset;
    const last = Math.min(causal ? at : keys, right >= 0 ? at + right : keys, lengths === null ? keys : (lengths[b] ?? keys) - 1);
    const first = left >= 0 ? at - left : 0;
    for (let j = 0; j < keys; j++) if (j > last || j < first) row[j] = -Infinity;
  };
  const wanted = context.outputs[3];
  const scores = wanted === undefined ? null : new Float32Array(elementCount(wanted.shape));
  const out = attend(
    sizes,
    { q: scaled(heads(q, queryHeads, queries, size)), k: scaled(allKeys), v: allValues },
    {
      scale: 1,
      softcap: floatAttribute(context, 'softcap', 0),
      bias,
      sink: null,
      store,
      storeSoftmax: storeAs(softmaxType(context, q.dtype)),
      observe: scores === null ? null : { stage: stages[intAttribute(context, 'qk_matmul_output_mode', 0)] ?? 'product', into: scores },
    },
  );
  const y = flat ? swapMiddle(out, batch, queryHeads, queries, valueSize) : out;
  return [y, allKeys, allValues, scores ?? new Float32Array(0)]
    .slice(0, context.outputs.length)
    .map((data, i) => tensorOf(context.outputs[i]?.dtype ?? q.dtype, context.outputs[i]?.shape ?? [], data));
}

/**
 * Y = softmax(Q·Kᵀ·scale, softcap, + mask)·V. The output for a query that sees no key is zero. Score outputs by
 * qk_matmul_output_mode: 0 the product, 1 after softcap, 2 with the mask, 3 after softmax.
 */
export const attention: OpDef = defineOp({
  name: 'Attention',
  since: [23, 24, 25],
  // Two products around a softmax; lowering makes them of it.
  kernelClass: 'host',
  attributes: {
    is_causal: 0,
    kv_num_heads: 'computed',
    left_window_size: -1,
    q_num_heads: 'computed',
    qk_matmul_output_mode: 0,
    right_window_size: -1,
    scale: 'computed',
    softcap: 0,
    softmax_precision: 'computed',
  },
  infer: inferAttention,
  evaluate: evaluateAttention,
  macs(context) {
    return attentionMacs(
      sizesOf(
        readOperands(
          context,
          context.inputs.map((t) => (t === null ? null : t.shape)),
        ),
      ),
    );
  },
});
