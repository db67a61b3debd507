/** Attention with a running state in place of a cache, and the causal convolution before it (ai.onnx 27, com.microsoft). */
import { exp32, sigmoid32, type Tensor } from '../../core/index.ts';
import { floorDivDim, mulDim, subDim, type Dim } from '../dim.ts';
import { defaultScale } from './attention-core.ts';
import { floatsOf, tensorOf } from './numbers.ts';
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
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type MacsContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import type { TensorType } from '../ir.ts';

const round = Math.fround;

interface Rule {
  readonly gated: boolean;
  readonly delta: boolean;
}

function ruleOf(context: OpContext): Rule {
  const rule = stringAttribute(context, 'update_rule', 'gated_delta');
  if (!['linear', 'gated', 'delta', 'gated_delta'].includes(rule)) {
    badAttribute(context, 'update_rule', `"${rule}"`, 'linear, gated, delta, gated_delta');
  }
  return { gated: rule.startsWith('gated'), delta: rule.endsWith('delta') };
}

interface HeadCounts {
  readonly q: number;
  readonly kv: number;
}

function headCounts(context: OpContext): HeadCounts {
  const q = intAttribute(context, 'q_num_heads', 0);
  const kv = intAttribute(context, 'kv_num_heads', 0);
  if (q < 1 || kv < 1) badAttribute(context, 'q_num_heads, kv_num_heads', `${q}, ${kv}`, 'whole numbers from 1');
  return { q, kv };
}

function inferLinear(context: InferContext): readonly TensorType[] {
  const [q, k, v] = [requiredType(context, 0, 'query'), requiredType(context, 1, 'key'), requiredType(context, 2, 'value')];
  const heads = headCounts(context);
  const rule = ruleOf(context);
  for (const t of [q, k, v]) if (t.shape.length !== 3) misfit(context, `an operand ${printShape(t.shape)} is not of rank 3`);
  if (rule.gated) requiredType(context, 4, 'decay');
  if (rule.delta) requiredType(context, 5, 'beta');
  const size = floorDivDim(q.shape[2] ?? 1, heads.q);
  const valueSize = floorDivDim(v.shape[2] ?? 1, heads.kv);
  const past = context.inputs[3] ?? null;
  const [batch = 1, length = 1] = q.shape;
  for (const [t, count] of [
    [q, heads.q],
    [v, heads.kv],
  ] as const) {
    const width = t.shape[2] ?? 1;
    if (typeof width === 'number' && width % count !== 0) misfit(context, `${width} features do not divide into ${count} heads`);
  }
  for (const t of [k, v]) {
    if (differs(t.shape[0], batch) || differs(t.shape[1], length))
      misfit(context, `the query ${printShape(q.shape)} and ${printShape(t.shape)} differ in batches or tokens`);
  }
  const state = [batch, heads.kv, size, valueSize];
  if (past !== null && (past.shape.length !== 4 || state.some((d, i) => differs(past.shape[i], d))))
    misfit(context, `the past state is ${printShape(past.shape)}, ${printShape(state)} is needed`);
  return [
    { dtype: q.dtype, shape: [batch, length, mulDim(Math.max(heads.q, heads.kv), valueSize)] },
    { dtype: past?.dtype ?? q.dtype, shape: state },
  ];
}

function differs(a: Dim | undefined, b: Dim): boolean {
  return typeof a === 'number' && typeof b === 'number' && a !== b;
}

/**
 * For each token, with S [size, valueSize] of each key head: S = e^g·S, v' = β(v - Sᵀ(k∘e)) where the rule has the delta,
 * S = S + k·v'ᵀ, output = scale · Sᵀq.
 */
function evaluateLinear(context: EvaluateContext): readonly Tensor[] {
  const query = requiredTensor(context, 0, 'query');
  const [q, k, v] = [floatsOf(query), floatsOf(requiredTensor(context, 1, 'key')), floatsOf(requiredTensor(context, 2, 'value'))];
  const heads = headCounts(context);
  const rule = ruleOf(context);
  const optional = (i: number): Float32Array | null => (hasInput(context, i) ? floatsOf(requiredTensor(context, i, '')) : null);
  const [past, decay, beta, erase] = [optional(3), optional(4), optional(5), optional(6)];
  const [batch = 1, length = 1] = query.shape;
  const size = (query.shape[2] ?? 1) / heads.q;
  const valueSize = (requiredTensor(context, 2, 'value').shape[2] ?? 1) / heads.kv;
  const tokens = batch * length;
  const stated = floatAttribute(context, 'scale', 0);
  const scale = stated === 0 ? defaultScale(size) : stated;
  // Where there are more value heads than query heads, queries (and keys) are shared among them.
  const outHeads = Math.max(heads.q, heads.kv);
  const keyHeads = k.length / Math.max(1, tokens * size);
  const out = new Float32Array(tokens * outHeads * valueSize);
  const states = new Float32Array(batch * heads.kv * size * valueSize);
  if (past !== null) states.set(past);
  const decays = decay === null ? 0 : decay.length / Math.max(1, tokens * heads.kv);
  const betas = beta === null ? 0 : beta.length / Math.max(1, tokens);
  const target = new Float32Array(valueSize);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      const n = b * length + t;
      for (let h = 0; h < heads.kv; h++) {
        const s = (b * heads.kv + h) * size * valueSize;
        const kAt = (n * keyHeads + Math.floor((h * keyHeads) / heads.kv)) * size;
        if (rule.gated && decay !== null) {
          for (let d = 0; d < size; d++) {
            const factor = exp32(decay[(n * heads.kv + h) * decays + (decays === 1 ? 0 : d)] ?? 0);
            for (let m = 0; m < valueSize; m++) states[s + d * valueSize + m] = (states[s + d * valueSize + m] ?? 0) * factor;
          }
        }
        for (let m = 0; m < valueSize; m++) {
          let value = v[(n * heads.kv + h) * valueSize + m] ?? 0;
          if (rule.delta && beta !== null) {
            let seen = 0;
            for (let d = 0; d < size; d++) {
              const key = erase === null ? (k[kAt + d] ?? 0) : round((erase[(n * heads.kv + h) * size + d] ?? 0) * (k[kAt + d] ?? 0));
              seen = round(seen + round((states[s + d * valueSize + m] ?? 0) * key));
            }
            value = round((beta[n * betas + (betas === 1 ? 0 : h)] ?? 0) * round(value - seen));
          }
          target[m] = value;
        }
        for (let d = 0; d < size; d++) {
          for (let m = 0; m < valueSize; m++) {
            const at = s + d * valueSize + m;
            states[at] = (states[at] ?? 0) + round((k[kAt + d] ?? 0) * (target[m] ?? 0));
          }
        }
      }
      for (let h = 0; h < outHeads; h++) {
        const s = (b * heads.kv + Math.floor((h * heads.kv) / outHeads)) * size * valueSize;
        const qAt = (n * heads.q + Math.floor((h * heads.q) / outHeads)) * size;
        for (let m = 0; m < valueSize; m++) {
          let sum = 0;
          for (let d = 0; d < size; d++) sum = round(sum + round((q[qAt + d] ?? 0) * (states[s + d * valueSize + m] ?? 0)));
          out[(n * outHeads + h) * valueSize + m] = scale * sum;
        }
      }
    }
  }
  return [out, states]
    .slice(0, context.outputs.length)
    .map((data, i) => tensorOf(context.outputs[i]?.dtype ?? query.dtype, context.outputs[i]?.shape ?? [], data));
}

/** Per token and head: the write, the read, and the retrieval where the rule has one. */
function macsOfLinear(context: MacsContext): number {
  const [q, v] = [context.inputs[0]?.shape ?? [], context.inputs[2]?.shape ?? []];
  const heads = headCounts(context);
  const each = ((q[2] ?? 0) / heads.q) * ((v[2] ?? 0) / heads.kv);
  const tokens = (q[0] ?? 0) * (q[1] ?? 0);
  return tokens * each * (heads.kv * (ruleOf(context).delta ? 2 : 1) + Math.max(heads.q, heads.kv));
}

function linearAttention(domain: string, since: readonly number[]): OpDef {
  return defineOp({
    domain,
    name: 'LinearAttention',
    since,
    kernelClass: 'host',
    attributes: { chunk_size: 64, kv_num_heads: 'required', q_num_heads: 'required', scale: 0, update_rule: 'gated_delta' },
    infer: inferLinear,
    evaluate: evaluateLinear,
    macs: macsOfLinear,
  });
}

function causalConv(domain: string, since: readonly number[]): OpDef {
  return defineOp({
    domain,
    name: 'CausalConvWithState',
    since,
    kernelClass: 'host',
    attributes: { activation: 'none', ndim: 1 },
    infer(context) {
      const x = requiredType(context, 0, 'input');
      const w = requiredType(context, 1, 'weight');
      if (x.shape.length !== 3 || w.shape.length !== 3) {
        misfit(context, `the input ${printShape(x.shape)} and the weight ${printShape(w.shape)} are not of rank 3`);
      }
      const activation = stringAttribute(context, 'activation', 'none');
      if (!['none', 'silu', 'swish'].includes(activation)) badAttribute(context, 'activation', `"${activation}"`, 'none, silu, swish');
      const [batch = 1, channels = 1] = x.shape;
      const [filters, , taps] = w.shape;
      if (taps === 0 || (typeof filters === 'number' && typeof channels === 'number' && filters !== channels))
        misfit(context, `the weight ${printShape(w.shape)} does not give taps to each of the ${printShape([channels])} channels`);
      const kept: Dim = subDim(w.shape[2] ?? 1, 1);
      return [x, { dtype: x.dtype, shape: [batch, channels, kept] }];
    },
    /** Each channel with its own taps over the state followed by the input; the state keeps the last taps - 1 positions. */
    evaluate(context) {
      const x = requiredTensor(context, 0, 'input');
      const w = floatsOf(requiredTensor(context, 1, 'weight'));
      const taps = requiredTensor(context, 1, 'weight').shape[2] ?? 1;
      const bias = hasInput(context, 2) ? floatsOf(requiredTensor(context, 2, 'bias')) : null;
      const past = hasInput(context, 3) ? floatsOf(requiredTensor(context, 3, 'past_state')) : null;
      const [batch = 1, channels = 1, length = 1] = x.shape;
      const source = floatsOf(x);
      const kept = taps - 1;
      const silu = stringAttribute(context, 'activation', 'none') !== 'none';
      const out = new Float32Array(source.length);
      const present = new Float32Array(batch * channels * kept);
      const line = new Float32Array(kept + length);
      for (let n = 0; n < batch * channels; n++) {
        const c = n % channels;
        line.fill(0, 0, kept);
        if (past !== null) line.set(past.subarray(n * kept, (n + 1) * kept));
        line.set(source.subarray(n * length, (n + 1) * length), kept);
        for (let t = 0; t < length; t++) {
          let sum = 0;
          for (let p = 0; p < taps; p++) sum = round(sum + round((w[c * taps + p] ?? 0) * (line[t + p] ?? 0)));
          if (bias !== null) sum = round(sum + (bias[c] ?? 0));
          out[n * length + t] = silu ? sum * sigmoid32(sum) : sum;
        }
        present.set(line.subarray(length), n * kept);
      }
      return [out, present].slice(0, context.outputs.length).map((data, i) => tensorOf(x.dtype, context.outputs[i]?.shape ?? [], data));
    },
    macs(context) {
      const [batch = 0, channels = 0, length = 0] = context.inputs[0]?.shape ?? [];
      return batch * channels * length * (context.inputs[1]?.shape[2] ?? 0);
    },
  });
}

export const linearAttentionOps: readonly OpDef[] = [
  linearAttention('', [27]),
  linearAttention('com.microsoft', [1]),
  causalConv('', [27]),
  causalConv('com.microsoft', [1]),
];
