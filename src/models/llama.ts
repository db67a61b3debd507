/**
 * A Llama-style decoder (Touvron et al. 2023, arXiv:2302.13971): pre-norm with RMSNorm, rotary positions (Su et al. 2021,
 * arXiv:2104.09864), grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) and SwiGLU (Shazeer 2020, arXiv:2002.05202).
 * `past` = 0 is a prefill: `sequence` tokens, caches come out. `past` > 0 is a decode step over caches that go in and come out longer.
 */
import { cos64, exp64, log64, sin64 } from '../core/index.ts';
import { createGraphWriter, type GraphWriter } from './graph-writer.ts';
import { attention, linear, rmsNorm, silu, splitHeads } from './layers.ts';
import { sequenceParameters, type ModelBuilder, type ModelParameters } from './parameters.ts';
import { headsFit } from './transformers.ts';

const epsilon = 1e-5;
const ropeBase = 10000;

/** The rule of the paper: two thirds of four times the width, rounded up to a multiple of 32. */
function feedForwardWidth(hidden: number): number {
  return Math.ceil((8 * hidden) / 3 / 32) * 32;
}

interface Step extends ModelParameters {
  readonly size: number;
  readonly total: number;
  /** [sequence, size] each, for the positions past … past + sequence − 1. */
  readonly cosine: string;
  readonly sine: string;
  /** Added to scores: [sequence, total], causal; null where nothing is masked (one token). */
  readonly mask: string | null;
}

/** x · cos + rotate_half(x) · sin, split as exporters do. */
function rotary(net: GraphWriter, scope: string, x: string, { size, cosine, sine }: Step): string {
  const half = size / 2;
  const cut = (from: number, to: number): string =>
    net.op(scope, 'Slice', [x, net.ints(scope, [from]), net.ints(scope, [to]), net.ints(scope, [3]), net.ints(scope, [1])]);
  const turned = net.op(scope, 'Concat', [net.op(scope, 'Neg', [cut(half, size)]), cut(0, half)], { axis: -1 });
  return net.op(scope, 'Add', [net.op(scope, 'Mul', [x, cosine]), net.op(scope, 'Mul', [turned, sine])]);
}

/** Key or value heads, each repeated for the query heads that share it. */
function repeatHeads(net: GraphWriter, scope: string, x: string, { batch, kvHeads, heads, total, size }: Step): string {
  const groups = heads / kvHeads;
  if (groups === 1) return x;
  const wide = net.op(scope, 'Expand', [
    net.op(scope, 'Unsqueeze', [x, net.ints(scope, [2])]),
    net.ints(scope, [batch, kvHeads, groups, total, size]),
  ]);
  return net.op(scope, 'Reshape', [wide, net.ints(scope, [batch, heads, total, size])]);
}

function decoderLayer(net: GraphWriter, index: number, x: string, step: Step): string {
  const { batch, sequence, past, hidden, heads, kvHeads, size, total, mask } = step;
  const scope = `/model/layers.${index}`;
  const self = `${scope}/self_attn`;
  const normal = rmsNorm(net, `${scope}/input_layernorm`, x, hidden, epsilon);
  const project = (name: string, n: number): string =>
    splitHeads(net, self, linear(net, `${self}/${name}`, normal, hidden, n * size, { bias: false }), [batch, sequence, n, size]);
  const q = rotary(net, self, project('q_proj', heads), step);
  const cache = (name: string, fresh: string): string => {
    const whole =
      past === 0
        ? fresh
        : net.op(self, 'Concat', [net.input(`past_key_values.${index}.${name}`, [batch, kvHeads, past, size]), fresh], { axis: 2 });
    net.output(whole, `present.${index}.${name}`, [batch, kvHeads, total, size]);
    return whole;
  };
  const k = cache('key', rotary(net, self, project('k_proj', kvHeads), step));
  const v = cache('value', project('v_proj', kvHeads));
  const shared = { q, k: repeatHeads(net, self, k, step), v: repeatHeads(net, self, v, step) };
  const mixed = attention(net, self, shared, { size, mask, merged: [batch, sequence, heads * size] });
  const afterAttention = net.op(scope, 'Add', [x, linear(net, `${self}/o_proj`, mixed, heads * size, hidden, { bias: false, gain: 0.25 })]);

  const mlp = `${scope}/mlp`;
  const width = feedForwardWidth(hidden);
  const inner = rmsNorm(net, `${scope}/post_attention_layernorm`, afterAttention, hidden, epsilon);
  const gate = silu(net, `${mlp}/act_fn`, linear(net, `${mlp}/gate_proj`, inner, hidden, width, { bias: false, gain: 2 }));
  const product = net.op(mlp, 'Mul', [gate, linear(net, `${mlp}/up_proj`, inner, hidden, width, { bias: false })]);
  return net.op(scope, 'Add', [afterAttention, linear(net, `${mlp}/down_proj`, product, width, hidden, { bias: false, gain: 0.25 })]);
}

/** cos or sin of position × frequency, each frequency twice, as rotate_half pairs them. Doubles rounded once; tables, not arithmetic. */
function angles({ sequence, past }: ModelParameters, size: number, of: (angle: number) => number): Float32Array {
  const half = size / 2;
  const table = new Float32Array(sequence * size);
  for (let t = 0; t < sequence; t++) {
    for (let i = 0; i < half; i++) {
      const value = of((past + t) * exp64(-(i / half) * log64(ropeBase)));
      table[t * size + i] = value;
      table[t * size + half + i] = value;
    }
  }
  return table;
}

function causalMask({ sequence, past }: ModelParameters): Float32Array {
  const total = past + sequence;
  return Float32Array.from({ length: sequence * total }, (_, i) => (i % total > past + Math.floor(i / total) ? -10000 : 0));
}

export const llama: ModelBuilder = {
  name: 'llama',
  summary: 'text decoder with RMSNorm, rotary positions, grouped-query attention and SwiGLU; prefill, or decode with --param past=N',
  parameters: sequenceParameters({ layers: 8, hidden: 512, heads: 8, kvHeads: 4, vocabulary: 32000 }, [
    'batch',
    'sequence',
    'past',
    'layers',
    'hidden',
    'heads',
    'kvHeads',
    'vocabulary',
    'seed',
  ]),
  macs: 5_200_936_960,
  fits(parameters) {
    const { heads, kvHeads, hidden } = parameters;
    if (heads % kvHeads !== 0) return { name: 'kvHeads', why: `heads = ${heads} is not a multiple of it` };
    if ((hidden / heads) % 2 !== 0)
      return { name: 'heads', why: `rotary positions pair the numbers of a head: hidden / heads must be even` };
    return headsFit(parameters);
  },
  build(parameters) {
    const { batch, sequence, past, layers, hidden, heads, vocabulary, seed } = parameters;
    const net = createGraphWriter('llama', seed);
    const size = hidden / heads;
    const total = past + sequence;
    const ids = net.input('input_ids', [batch, sequence], 'int64');
    let x = net.op('/model/embed_tokens', 'Gather', [net.weight('model.embed_tokens.weight', [vocabulary, hidden], 1), ids]);
    const step: Step = {
      ...parameters,
      size,
      total,
      cosine: net.floats('model.rotary_emb.cos', [sequence, size], angles(parameters, size, cos64)),
      sine: net.floats('model.rotary_emb.sin', [sequence, size], angles(parameters, size, sin64)),
      mask: sequence === 1 ? null : net.floats('model.causal_mask', [sequence, total], causalMask(parameters)),
    };
    for (let i = 0; i < layers; i++) x = decoderLayer(net, i, x, step);
    const logits = linear(net, '/lm_head', rmsNorm(net, '/model/norm', x, hidden, epsilon), hidden, vocabulary, { bias: false });
    net.output(logits, 'logits', [batch, sequence, vocabulary]);
    return net.finish();
  },
};
