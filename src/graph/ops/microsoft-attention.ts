/** com.microsoft Attention and QAttention: the projection to queries, keys and values is part of the operator. */
import { cos64, elementCount, pow64, sin64, type Tensor } from '../../core/index.ts';
import { addDim, floorDivDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { attend, attentionMacs, defaultScale, swapMiddle, type HeadSizes } from './attention-core.ts';
import { appendSequence, readPrefix, writePrefix } from './attention-cache.ts';
import { allOf, attentionBias, causalMask, paddingMask } from './attention-masks.ts';
import { storeAs } from './attention.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  intsAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type MacsContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { productFloat } from './product.ts';
import { integerProduct, optionalTensor } from './quantized-ops.ts';
import { rotate } from './rotary.ts';

const round = Math.fround;

/** Where the inputs stand that both operators have. */
interface Places {
  readonly mask: number;
  readonly past: number;
  readonly bias: number | null;
  readonly pastLength: number | null;
}

const plain: Places = { mask: 3, past: 4, bias: 5, pastLength: 6 };
const quantized: Places = { mask: 5, past: 8, bias: null, pastLength: null };

const common: Readonly<Record<string, AttributeDefault>> = {
  do_rotary: 0,
  mask_filter_value: -10000,
  num_heads: 'required',
  past_present_share_buffer: 0,
  scale: 'computed',
  unidirectional: 0,
};

/** Features of Q, K and V together in the columns of the weights. */
function hiddenSizes(context: OpContext, columns: Dim): readonly [Dim, Dim, Dim] {
  const stated = intsAttribute(context, 'qkv_hidden_sizes');
  if (stated !== null && stated.length > 0) {
    const [q = 0, k = 0, v = 0] = stated;
    if (stated.length !== 3 || q !== k || (typeof columns === 'number' && q + k + v !== columns)) {
      badAttribute(
        context,
        'qkv_hidden_sizes',
        `[${stated.join(', ')}]`,
        `three sizes, the first two equal, of ${printShape([columns])} columns`,
      );
    }
    return [q, k, v];
  }
  const each = floorDivDim(columns, 3);
  return [each, each, each];
}

function headCount(context: OpContext): number {
  const heads = intAttribute(context, 'num_heads', 0);
  return heads >= 1 ? heads : badAttribute(context, 'num_heads', String(heads), 'a whole number from 1');
}

function infer(context: InferContext, places: Places, dtype: TensorType['dtype']): readonly TensorType[] {
  const x = requiredType(context, 0, 'input');
  const w = requiredType(context, 1, 'weights');
  if (x.shape.length !== 3 || w.shape.length !== 2) {
    misfit(context, `the input ${printShape(x.shape)} and the weights ${printShape(w.shape)} are not of rank 3 and 2`);
  }
  const [batch = 1, length = 1, features = 1] = x.shape;
  if (typeof features === 'number' && typeof w.shape[0] === 'number' && features !== w.shape[0]) {
    misfit(context, `the input ${printShape(x.shape)} has ${features} features, the weights ${printShape(w.shape)} take ${w.shape[0]}`);
  }
  const heads = headCount(context);
  const [q, , v] = hiddenSizes(context, w.shape[1] ?? 3);
  for (const n of [q, v]) if (typeof n === 'number' && n % heads !== 0) misfit(context, `${n} features do not divide into ${heads} heads`);
  const past = context.inputs[places.past] ?? null;
  const shared = intAttribute(context, 'past_present_share_buffer', 0) !== 0;
  const total = past === null ? length : shared ? (past.shape[3] ?? 1) : addDim(past.shape[3] ?? 0, length);
  return [
    { dtype, shape: [batch, length, v] },
    { dtype: past?.dtype ?? dtype, shape: [2, batch, heads, total, floorDivDim(q, heads)] },
  ];
}

interface Shape {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly sizes: readonly [number, number, number];
  /** Keys in the cache. */
  readonly past: number;
}

function shapeOf(context: EvaluateContext | MacsContext, places: Places): Shape {
  const [batch = 1, length = 1] = context.inputs[0]?.shape ?? [];
  const columns = context.inputs[1]?.shape[1] ?? 3;
  const [q, k, v] = hiddenSizes(context, columns);
  return {
    batch,
    length,
    heads: headCount(context),
    sizes: [Number(q), Number(k), Number(v)],
    past: context.inputs[places.past]?.shape[3] ?? 0,
  };
}

function headSizes({ batch, length, heads, sizes, past }: Shape): HeadSizes {
  const [q, , v] = sizes;
  return { batch, queryHeads: heads, keyHeads: heads, queries: length, keys: past + length, size: q / heads, valueSize: v / heads };
}

/** Columns `from` to `from + size` of each row, as heads [batch, heads, length, size / heads]. */
function headsOf(rows: Float32Array, shape: Shape, from: number, size: number): Float32Array {
  const [q, k, v] = shape.sizes;
  const width = q + k + v;
  const tokens = shape.batch * shape.length;
  const part = new Float32Array(tokens * size);
  for (let t = 0; t < tokens; t++) part.set(rows.subarray(t * width + from, t * width + from + size), t * size);
  return swapMiddle(part, shape.batch, shape.length, shape.heads, size / shape.heads);
}

/** Cosines and sines of positions 0 to count - 1: angle = position · 10000^(-2i / turned). */
function rotaryCaches(count: number, turned: number): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const half = turned / 2;
  const cos = new Float32Array(count * half);
  const sin = new Float32Array(count * half);
  for (let p = 0; p < count; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p * pow64(10000, (-2 * i) / turned);
      cos[p * half + i] = cos64(angle);
      sin[p * half + i] = sin64(angle);
    }
  }
  return { cos, sin };
}

/** Attention over projected rows [batch · length, q + k + v]. */
function attendRows(context: EvaluateContext, rows: Float32Array, places: Places): readonly Tensor[] {
  const { dtype } = outputType(context);
  const buffer = optionalTensor(context, places.past);
  const stated = places.pastLength === null ? null : optionalTensor(context, places.pastLength);
  const shared = intAttribute(context, 'past_present_share_buffer', 0) !== 0 && buffer !== null;
  const whole = shapeOf(context, places);
  // A shared buffer is longer than what it holds.
  const shape = shared ? { ...whole, past: stated === null ? 0 : (numbersOf(stated)[0] ?? 0) } : whole;
  const sizes = headSizes(shape);
  const [q, k, v] = shape.sizes;
  const { batch, heads, length, past } = shape;
  const { size, valueSize } = sizes;
  let queries = headsOf(rows, shape, 0, q);
  let keys = headsOf(rows, shape, q, k);
  const values = headsOf(rows, shape, q + k, v);
  if (intAttribute(context, 'do_rotary', 0) !== 0) {
    const turned = intAttribute(context, 'rotary_embedding_dim', 0) || size;
    const { cos, sin } = rotaryCaches(past + length, turned);
    const turn = (x: Float32Array): Float32Array =>
      rotate(x, cos, sin, { batch, heads, length, size, turned, interleaved: false }, (_b, t) => past + t);
    queries = turn(queries);
    keys = turn(keys);
  }
  const planes = batch * heads;
  const store = buffer === null ? null : floatsOf(buffer);
  const half = store === null ? 0 : store.length / 2;
  const cached = (part: number, next: Float32Array, width: number): Float32Array => {
    if (store === null) return next;
    const own = store.subarray(part * half, (part + 1) * half);
    return appendSequence(shared ? readPrefix(own, whole.past, past, planes, width) : own, past, next, length, planes, width);
  };
  const [allKeys, allValues] = [cached(0, keys, size), cached(1, values, valueSize)];
  const filter = floatAttribute(context, 'mask_filter_value', -10000);
  const bias = allOf([
    paddingMask(context, optionalTensor(context, places.mask), { batch, keys: sizes.keys, past }, filter),
    places.bias === null ? () => undefined : attentionBias(optionalTensor(context, places.bias)),
    intAttribute(context, 'unidirectional', 0) === 0 ? () => undefined : causalMask(() => past),
  ]);
  const scale = floatAttribute(context, 'scale', 0);
  const rounding = storeAs(dtype);
  const out = attend(
    sizes,
    { q: queries, k: allKeys, v: allValues },
    {
      scale: scale === 0 ? defaultScale(size) : scale,
      softcap: 0,
      bias,
      sink: null,
      store: rounding,
      storeSoftmax: rounding,
      observe: null,
    },
  );
  const y = tensorOf(dtype, outputType(context).shape, swapMiddle(out, batch, heads, length, valueSize));
  const type = context.outputs[1];
  if (type === undefined) return [y];
  const present = new Float32Array(elementCount(type.shape));
  const capacity = type.shape[3] ?? 0;
  const part = planes * capacity * size;
  if (shared && store !== null) present.set(store);
  writePrefix(present.subarray(0, part), capacity, allKeys, sizes.keys, planes, size);
  writePrefix(present.subarray(part), capacity, allValues, sizes.keys, planes, size);
  return [y, tensorOf(type.dtype, type.shape, present)];
}

function macs(context: MacsContext, places: Places): number {
  const shape = shapeOf(context, places);
  const features = context.inputs[0]?.shape[2] ?? 0;
  const [q, k, v] = shape.sizes;
  return shape.batch * shape.length * features * (q + k + v) + attentionMacs(headSizes(shape));
}

/**
 * [Q K V] = input · weights + bias; softmax(Q·Kᵀ·scale + masks)·V of each head. Hidden keys get mask_filter_value added, keys behind
 * a query of a unidirectional node take no part. Inputs: input, weights, bias, mask_index, past, attention_bias, past_sequence_length.
 */
const attention: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'Attention',
  since: [1],
  kernelClass: 'host',
  attributes: { ...common, qkv_hidden_sizes: 'computed', rotary_embedding_dim: 'computed' },
  infer: (context) => infer(context, plain, requiredType(context, 0, 'input').dtype),
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const w = requiredTensor(context, 1, 'weights');
    const bias = optionalTensor(context, 2);
    const [batch = 1, length = 1, k = 1] = x.shape;
    const n = w.shape[1] ?? 1;
    const rows = new Float32Array(batch * length * n);
    productFloat(floatsOf(x), floatsOf(w), rows, { m: batch * length, n, k, aOffset: 0, cOffset: 0, cStride: n });
    const addend = bias === null ? null : floatsOf(bias);
    const store = storeAs(x.dtype);
    for (let i = 0; i < rows.length; i++) rows[i] = store(round((rows[i] ?? 0) + (addend?.[i % n] ?? 0)));
    return attendRows(context, rows, plain);
  },
  macs: (context) => macs(context, plain),
});

/** Inputs: input, weight, bias, input_scale, weight_scale, mask_index, input_zero_point, weight_zero_point, past. */
const qAttention: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'QAttention',
  since: [1],
  kernelClass: 'host',
  attributes: common,
  infer: (context) => infer(context, quantized, requiredType(context, 3, 'input_scale').dtype),
  /** The projection is exact in int32, then rows = f32(sum · (input_scale · weight_scale)) + bias. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const w = requiredTensor(context, 1, 'weight');
    const [batch = 1, length = 1, k = 1] = x.shape;
    const n = w.shape[1] ?? 1;
    const flat: Tensor = { ...x, shape: [batch * length, k] };
    const sums = integerProduct(flat, optionalTensor(context, 6), w, optionalTensor(context, 7));
    const inputScale = floatsOf(requiredTensor(context, 3, 'input_scale'))[0] ?? 1;
    const scales = floatsOf(requiredTensor(context, 4, 'weight_scale')).map((s) => round(s * inputScale));
    const bias = optionalTensor(context, 2);
    const addend = bias === null ? null : floatsOf(bias);
    const rows = new Float32Array(sums.length);
    for (let i = 0; i < rows.length; i++) {
      const scale = scales[scales.length === 1 ? 0 : i % n] ?? 1;
      rows[i] = round(round(sums[i] ?? 0) * scale) + (addend?.[i % n] ?? 0);
    }
    return attendRows(context, rows, quantized);
  },
  macs: (context) => macs(context, quantized),
});

export const microsoftAttentionOps: readonly OpDef[] = [attention, qAttention];
