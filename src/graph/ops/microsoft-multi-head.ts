/** com.microsoft MultiHeadAttention and DecoderMaskedMultiHeadAttention: queries, keys and values come projected. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { addDim, floorDivDim, mulDim, printDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { appendSequence, readPrefix, writePrefix } from './attention-cache.ts';
import { attend, attentionMacs, defaultScale, swapMiddle, type HeadSizes } from './attention-core.ts';
import { allOf, attentionBias, causalMask, paddingMask } from './attention-masks.ts';
import { storeAs } from './attention.ts';
import { checkBroadcastsTo } from './broadcast.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { optionalTensor } from './quantized-ops.ts';

const round = Math.fround;

/** Where the optional inputs stand. */
interface Places {
  readonly bias: number;
  readonly mask: number;
  readonly attentionBias: number;
  readonly pastKey: number;
  readonly pastValue: number;
  readonly pastLength: number;
  readonly indirection: number;
}

const many: Places = { bias: 3, mask: 4, attentionBias: 5, pastKey: 6, pastValue: 7, pastLength: 8, indirection: 9 };
const decoder: Places = { bias: 10, mask: 3, attentionBias: 4, pastKey: 5, pastValue: 6, pastLength: 7, indirection: 9 };

/** How keys and values come: with the query, together, each as rows, or each as heads that need no bias. */
type Form = 'packed-qkv' | 'packed-kv' | 'rows' | 'heads';

interface Operands {
  readonly form: Form;
  readonly batch: Dim;
  readonly heads: number;
  readonly queries: Dim;
  /** Keys of this call. */
  readonly keys: Dim;
  /** Keys in the cache, or its capacity where the cache is shared. */
  readonly past: Dim;
  readonly size: Dim;
  readonly valueSize: Dim;
  /** Past and present are one buffer that holds more than is valid. */
  readonly shared: boolean;
}

type Shapes = readonly ({ readonly shape: readonly Dim[] } | null)[];

function read(context: OpContext, inputs: Shapes, places: Places): Operands {
  const heads = intAttribute(context, 'num_heads', 0);
  if (heads < 1) badAttribute(context, 'num_heads', String(heads), 'a whole number from 1');
  const q = inputs[0]?.shape ?? [];
  const k = inputs[1]?.shape ?? null;
  const v = inputs[2]?.shape ?? null;
  const [batch = 1, queries = 1, width = 1] = q;
  const pastShape = inputs[places.pastKey]?.shape ?? null;
  const shared =
    intAttribute(context, 'past_present_share_buffer', 0) !== 0 ||
    (inputs[places.pastLength] !== undefined && inputs[places.pastLength] !== null);
  const base = { batch, heads, queries, past: pastShape === null ? 0 : (pastShape[2] ?? 0), shared: shared && pastShape !== null };
  if (q.length === 5) {
    const size = q[4] ?? 1;
    return { ...base, form: 'packed-qkv', keys: queries, size, valueSize: size };
  }
  if (q.length !== 3) return misfit(context, `the query ${printShape(q)} is not of rank 3 or 5`);
  if (typeof width === 'number' && width % heads !== 0) misfit(context, `${width} features do not divide into ${heads} heads`);
  const size = floorDivDim(width, heads);
  if (k === null) return misfit(context, `the query ${printShape(q)} comes without a key`, 'Only a packed query of rank 5 may');
  if (k.length === 5) return { ...base, form: 'packed-kv', keys: k[1] ?? 1, size, valueSize: k[4] ?? 1 };
  if (v === null || k.length !== v.length || (k.length !== 3 && k.length !== 4)) {
    return misfit(context, `the key ${printShape(k)} and the value ${v === null ? '(missing)' : printShape(v)} do not fit together`);
  }
  for (const part of [k, v]) {
    if (part.length === 4 && typeof part[1] === 'number' && part[1] !== heads)
      misfit(context, `the key or value ${printShape(part)} has ${part[1]} heads, num_heads is ${heads}`);
  }
  if (k.length === 4) return { ...base, form: 'heads', keys: k[2] ?? 1, size, valueSize: v[3] ?? 1 };
  return { ...base, form: 'rows', keys: k[1] ?? 1, size, valueSize: floorDivDim(v[2] ?? 1, heads) };
}

/** Keys that scores are made for where the cache is not shared. */
function totalKeys(o: Operands): Dim {
  return o.shared ? o.past : addDim(o.past, o.keys);
}

function infer(context: InferContext, places: Places): readonly TensorType[] {
  const { dtype } = requiredType(context, 0, 'query');
  const o = read(context, context.inputs, places);
  const total = totalKeys(o);
  const key = context.inputs[1] ?? null;
  const batch = key?.shape[0];
  if (typeof batch === 'number' && typeof o.batch === 'number' && batch !== o.batch)
    misfit(context, `the query has ${o.batch} batches, the key ${batch}`);
  const own = context.inputs[places.bias]?.shape ?? null;
  const columns = mulDim(o.heads, addDim(mulDim(2, o.size), o.valueSize));
  if (
    own !== null &&
    (own.length !== 1 || (o.form !== 'heads' && typeof own[0] === 'number' && typeof columns === 'number' && own[0] !== columns))
  )
    misfit(
      context,
      `the bias ${printShape(own)} does not give one number for each of ${printDim(columns)} columns of queries, keys and values`,
    );
  const bias = context.inputs[places.attentionBias] ?? null;
  if (bias !== null && !o.shared) checkBroadcastsTo(context, [o.batch, o.heads, o.queries, total], bias.shape, 'the attention bias');
  return [
    { dtype, shape: [o.batch, o.queries, mulDim(o.heads, o.valueSize)] },
    { dtype, shape: [o.batch, o.heads, total, o.size] },
    { dtype, shape: [o.batch, o.heads, total, o.valueSize] },
    { dtype, shape: [o.batch, o.heads, o.queries, total] },
  ];
}

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly size: number;
}

/** Part `part` of `parts` of [batch, length, heads, parts, size], as heads. */
function unpacked(x: Float32Array, sizes: Sizes, part: number, parts: number): Float32Array {
  const { batch, heads, length, size } = sizes;
  const rows = new Float32Array(batch * length * heads * size);
  for (let n = 0; n < batch * length * heads; n++) rows.set(x.subarray((n * parts + part) * size, (n * parts + part + 1) * size), n * size);
  return swapMiddle(rows, batch, length, heads, size);
}

/** Adds the part of the bias from `from` on to heads [batch, heads, length, size]. */
function addBias(x: Float32Array, bias: Float32Array | null, from: number, sizes: Sizes): Float32Array {
  if (bias === null) return x;
  const { heads, length, size } = sizes;
  return x.map((e, i) => {
    const head = Math.floor(i / (size * length)) % heads;
    return round(e + (bias[from + head * size + (i % size)] ?? 0));
  });
}

function evaluate(context: EvaluateContext, places: Places): readonly Tensor[] {
  if (hasInput(context, places.indirection) && intAttribute(context, 'beam_width', 1) > 1) {
    misfit(context, 'it takes keys of other beams from the cache', 'Search without beams, or outside the model');
  }
  const o = read(context, context.inputs, places);
  const query = requiredTensor(context, 0, 'query');
  const { heads, form, shared } = o;
  const [batch, queries, added] = [Number(o.batch), Number(o.queries), Number(o.keys)];
  const [size, valueSize] = [Number(o.size), Number(o.valueSize)];
  const stated = optionalTensor(context, places.pastLength);
  const capacity = Number(o.past);
  const past = shared && stated !== null ? (numbersOf(stated)[0] ?? 0) : capacity;
  const keys = past + added;
  const biasTensor = optionalTensor(context, places.bias);
  const bias = biasTensor === null ? null : floatsOf(biasTensor);
  const forQ: Sizes = { batch, heads, length: queries, size };
  const forK: Sizes = { batch, heads, length: added, size };
  const forV: Sizes = { batch, heads, length: added, size: valueSize };
  const raw = (index: number, sizes: Sizes): Float32Array => {
    const key = index === 0 ? null : optionalTensor(context, index);
    if (form === 'packed-qkv') return unpacked(floatsOf(query), sizes, index, 3);
    if (form === 'packed-kv' && index > 0) return unpacked(floatsOf(requiredTensor(context, 1, 'key')), sizes, index - 1, 2);
    const rows = floatsOf(key ?? query);
    return form === 'heads' && index > 0 ? rows : swapMiddle(rows, sizes.batch, sizes.length, heads, sizes.size);
  };
  const q = addBias(raw(0, forQ), bias, 0, forQ);
  // Keys and values that come as heads are a cache: their bias is in them already.
  const own = form === 'heads' ? null : bias;
  const k = addBias(raw(1, forK), own, heads * size, forK);
  const v = addBias(raw(2, forV), own, 2 * heads * size, forV);
  const planes = batch * heads;
  const cached = (index: number, next: Float32Array, width: number): Float32Array => {
    const buffer = optionalTensor(context, index);
    if (buffer === null) return next;
    return appendSequence(readPrefix(floatsOf(buffer), capacity, past, planes, width), past, next, added, planes, width);
  };
  const [allKeys, allValues] = [cached(places.pastKey, k, size), cached(places.pastValue, v, valueSize)];
  const scale = floatAttribute(context, 'scale', 0);
  const store = storeAs(query.dtype);
  const wanted = context.outputs[3];
  const scores = wanted === undefined ? null : new Float32Array(batch * heads * queries * keys);
  const out = attend(
    { batch, queryHeads: heads, keyHeads: heads, queries, keys, size, valueSize },
    { q, k: allKeys, v: allValues },
    {
      scale: scale === 0 ? defaultScale(size) : scale,
      softcap: 0,
      bias: allOf([
        paddingMask(
          context,
          optionalTensor(context, places.mask),
          { batch, keys, past },
          floatAttribute(context, 'mask_filter_value', -10000),
        ),
        attentionBias(optionalTensor(context, places.attentionBias)),
        intAttribute(context, 'unidirectional', 0) === 0 ? () => undefined : causalMask(() => past),
      ]),
      sink: null,
      store,
      storeSoftmax: store,
      observe: scores === null ? null : { stage: 'bias', into: scores },
    },
  );
  const present = (index: number, past: number, all: Float32Array, width: number): Float32Array => {
    const type = context.outputs[index];
    if (type === undefined || !shared) return all;
    const into = new Float32Array(elementCount(type.shape));
    const buffer = optionalTensor(context, past);
    if (buffer !== null) into.set(floatsOf(buffer));
    writePrefix(into, capacity, all, keys, planes, width);
    return into;
  };
  const wide = (x: Float32Array, length: number): Float32Array => {
    const into = new Float32Array(batch * heads * queries * length);
    writePrefix(into, length, x, keys, batch * heads * queries, 1);
    return into;
  };
  const dtype = outputType(context).dtype;
  return [
    swapMiddle(out, batch, heads, queries, valueSize),
    present(1, places.pastKey, allKeys, size),
    present(2, places.pastValue, allValues, valueSize),
    scores === null ? new Float32Array(0) : wide(scores, wanted?.shape[3] ?? keys),
  ]
    .slice(0, context.outputs.length)
    .map((data, i) => tensorOf(dtype, context.outputs[i]?.shape ?? [], data));
}

function define(name: string, places: Places, extra: Readonly<Record<string, number>>): OpDef {
  return defineOp({
    domain: 'com.microsoft',
    name,
    since: [1],
    kernelClass: 'host',
    attributes: { mask_filter_value: -10000, num_heads: 'required', scale: 'computed', ...extra },
    infer: (context) => infer(context, places),
    evaluate: (context) => evaluate(context, places),
    macs(context) {
      const o = read(context, context.inputs, places);
      const sizes: HeadSizes = {
        batch: Number(o.batch),
        queryHeads: o.heads,
        keyHeads: o.heads,
        queries: Number(o.queries),
        keys: Number(totalKeys(o)),
        size: Number(o.size),
        valueSize: Number(o.valueSize),
      };
      return attentionMacs(sizes);
    },
  });
}

/**
 * softmax((Q + bias)·(K + bias)ᵀ·scale + masks)·(V + bias) of each head. Inputs: query, key, value, bias, key_padding_mask,
 * attention_bias, past_key, past_value, past_sequence_length, cache_indirection.
 */
const multiHeadAttention: OpDef = define('MultiHeadAttention', many, { unidirectional: 0 });

/** One token with a cache. Inputs: query, key, value, mask_index, attention_bias, past_key, past_value, past_sequence_length, …, bias. */
const decoderMasked: OpDef = define('DecoderMaskedMultiHeadAttention', decoder, { output_qk: 0, past_present_share_buffer: 0 });

export const multiHeadOps: readonly OpDef[] = [multiHeadAttention, decoderMasked];
