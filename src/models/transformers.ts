/** Encoders: BERT (Devlin et al. 2018, arXiv:1810.04805) and ViT (Dosovitskiy et al. 2020, arXiv:2010.11929). */
import { createGraphWriter, type GraphWriter } from './graph-writer.ts';
import { attention, gelu, layerNorm, linear, splitHeads } from './layers.ts';
import { sequenceParameters, type ModelBuilder, type ModelParameters } from './parameters.ts';

/** Heads of equal size. */
export function headsFit({ hidden, heads }: ModelParameters): { readonly name: 'heads'; readonly why: string } | null {
  return hidden % heads === 0 ? null : { name: 'heads', why: `hidden = ${hidden} is not a multiple of it` };
}

interface Block {
  readonly batch: number;
  readonly length: number;
  readonly hidden: number;
  readonly heads: number;
  /** Added to the scores, broadcast over heads and queries; null for none. */
  readonly mask: string | null;
}

function selfAttention(net: GraphWriter, scope: string, x: string, { batch, length, hidden, heads, mask }: Block): string {
  const size = hidden / heads;
  const part = (name: string): string =>
    splitHeads(net, scope, linear(net, `${scope}/${name}`, x, hidden, hidden), [batch, length, heads, size]);
  const [q, k, v] = [part('query'), part('key'), part('value')];
  const mixed = attention(net, scope, { q, k, v }, { size, mask, merged: [batch, length, hidden] });
  return linear(net, `${scope}/output/dense`, mixed, hidden, hidden, { gain: 0.25 });
}

function feedForward(net: GraphWriter, scope: string, x: string, hidden: number): string {
  const wide = gelu(net, `${scope}/intermediate`, linear(net, `${scope}/intermediate/dense`, x, hidden, 4 * hidden, { gain: 2 }));
  return linear(net, `${scope}/output/dense`, wide, 4 * hidden, hidden, { gain: 0.25 });
}

export const bert: ModelBuilder = {
  name: 'bert',
  summary: 'text encoder, post-norm transformer; the defaults are BERT base',
  parameters: sequenceParameters({}, ['batch', 'sequence', 'layers', 'hidden', 'heads', 'vocabulary', 'seed']),
  macs: 11_173_625_856,
  fits: headsFit,
  build({ batch, sequence, layers, hidden, heads, vocabulary, seed }) {
    const net = createGraphWriter('bert', seed);
    const ids = net.input('input_ids', [batch, sequence], 'int64');
    const maskInput = net.input('attention_mask', [batch, sequence], 'int64');
    const types = net.input('token_type_ids', [batch, sequence], 'int64');
    const table = (name: string, rows: number): string => net.weight(`embeddings.${name}.weight`, [rows, hidden], 0.5);
    const words = net.op('/embeddings/word_embeddings', 'Gather', [table('word_embeddings', vocabulary), ids]);
    const kinds = net.op('/embeddings/token_type_embeddings', 'Gather', [table('token_type_embeddings', 2), types]);
    const places = net.weight('embeddings.position_embeddings.weight', [1, sequence, hidden], 0.5);
    const sum = net.op('/embeddings', 'Add', [net.op('/embeddings', 'Add', [words, kinds]), places]);
    let x = layerNorm(net, '/embeddings/LayerNorm', sum, hidden, 1e-12);
    // 0 where a token is there, a very negative number where it is not: added to the scores.
    const rows = net.op('', 'Unsqueeze', [maskInput, net.ints('', [1, 2])]);
    const absent = net.op('', 'Sub', [net.scalar('', 1), net.op('', 'Cast', [rows], { to: 1 })]);
    const mask = net.op('', 'Mul', [absent, net.scalar('', -10000)]);
    for (let i = 0; i < layers; i++) {
      const scope = `/encoder/layer.${i}`;
      const mixed = selfAttention(net, `${scope}/attention`, x, { batch, length: sequence, hidden, heads, mask });
      x = layerNorm(net, `${scope}/attention/output/LayerNorm`, net.op(`${scope}/attention/output`, 'Add', [mixed, x]), hidden, 1e-12);
      const wide = feedForward(net, scope, x, hidden);
      x = layerNorm(net, `${scope}/output/LayerNorm`, net.op(`${scope}/output`, 'Add', [wide, x]), hidden, 1e-12);
    }
    net.output(x, 'last_hidden_state', [batch, sequence, hidden]);
    return net.finish();
  },
};

const patch = 16;

export const vit: ModelBuilder = {
  name: 'vit',
  summary: 'image classifier, pre-norm transformer over patches of 16; the defaults are ViT-Ti/16',
  parameters: sequenceParameters({ hidden: 192, heads: 3 }, ['batch', 'image', 'layers', 'hidden', 'heads', 'classes', 'seed']),
  macs: 1_253_683_200,
  fits: headsFit,
  build({ batch, image, layers, hidden, heads, classes, seed }) {
    const net = createGraphWriter('vit', seed);
    const picture = net.input('input', [batch, 3, image, image]);
    const side = image / patch;
    const length = side * side + 1;
    const kernel = net.weight('conv_proj.weight', [hidden, 3, patch, patch], Math.sqrt(1 / (3 * patch * patch)));
    const planes = net.op('/conv_proj', 'Conv', [picture, kernel, net.weight('conv_proj.bias', [hidden], 0.02)], {
      dilations: [1, 1],
      group: 1,
      kernel_shape: [patch, patch],
      pads: [0, 0, 0, 0],
      strides: [patch, patch],
    });
    const tokens = net.op('', 'Transpose', [net.op('', 'Reshape', [planes, net.ints('', [batch, hidden, side * side])])], {
      perm: [0, 2, 1],
    });
    const label = net.op('', 'Expand', [net.weight('class_token', [1, 1, hidden], 0.02), net.ints('', [batch, 1, hidden])]);
    const places = net.weight('encoder.pos_embedding', [1, length, hidden], 0.2);
    let x = net.op('/encoder', 'Add', [net.op('', 'Concat', [label, tokens], { axis: 1 }), places]);
    for (let i = 0; i < layers; i++) {
      const scope = `/encoder/layers/encoder_layer_${i}`;
      const a = layerNorm(net, `${scope}/ln_1`, x, hidden, 1e-6);
      const mixed = selfAttention(net, `${scope}/self_attention`, a, { batch, length, hidden, heads, mask: null });
      x = net.op(scope, 'Add', [mixed, x]);
      x = net.op(scope, 'Add', [x, feedForward(net, `${scope}/mlp`, layerNorm(net, `${scope}/ln_2`, x, hidden, 1e-6), hidden)]);
    }
    const normal = layerNorm(net, '/encoder/ln', x, hidden, 1e-6);
    const index = net.ints('', [0]);
    const first = net.op('', 'Reshape', [net.op('', 'Gather', [normal, index], { axis: 1 }), net.ints('', [batch, hidden])]);
    net.output(linear(net, '/heads/head', first, hidden, classes), 'output', [batch, classes]);
    return net.finish();
  },
};
