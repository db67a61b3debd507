/**
 * DeformConv: each tap of each output position looks up the four pixels around where its offset moves it to, and what is found is multiplied
 * with the weights as by a convolution of one pixel.
 *
 *     %y = DeformConv(%x, %w, %offset, %bias, %mask)
 *  =>
 *     %p = %offset + where the taps are                   [batch, offset groups, taps · positions], twice
 *     %c = Σ Lookup(%x, neighbour of %p) · its weight     [batch, channels · taps, height, width]
 *     %y = Conv(%c · %mask, %w as [out, in · taps, 1, 1], %bias)
 */
import { attributeInt, attributeInts } from '../../graph/index.ts';
import { largestWhole, linearNeighbours, sampled } from './grid-sample.ts';
import type { Rule, Rules } from './rule.ts';

const deformConv: Rule = (w, node) => {
  const [x = null, weights = null, offset = null, bias = null, mask = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || weights === null || offset === null || out === undefined) return null;
  if (w.shape(x).includes(0) || w.shape(out).includes(0)) return null;
  const [batch = 1, channels = 1, ih = 1, iw = 1] = w.shape(x);
  const [outChannels = 1, perGroup = 1, kh = 1, kw = 1] = w.shape(weights);
  const [, , oh = 1, ow = 1] = w.shape(out);
  const groups = attributeInt(node, 'offset_group', 1);
  if (ih * iw >= largestWhole) return { reason: 'its image has more positions than fp32 counts' };
  if (channels % groups !== 0) return { reason: `its ${channels} channels are not the same for ${groups} offset groups` };
  const taps = kh * kw;
  const count = taps * oh * ow;
  const [rows, columns] = [0, 1].map((axis) => {
    const [stride = 1, dilation = 1, pad = 0] = [
      attributeInts(node, 'strides', [1, 1])[axis],
      attributeInts(node, 'dilations', [1, 1])[axis],
      attributeInts(node, 'pads', [0, 0, 0, 0])[axis],
    ];
    const base = Float32Array.from({ length: count }, (_, i) => {
      const [tap, position] = [Math.floor(i / (oh * ow)), i % (oh * ow)];
      const [k, p] = axis === 0 ? [Math.floor(tap / kw), Math.floor(position / ow)] : [tap % kw, position % ow];
      return p * stride - pad + k * dilation;
    });
    const pairs = w.reshape(offset, [batch * groups, taps, 2, oh * ow]);
    const moved = w.reshape(w.slice(pairs, 2, axis, axis + 1), [batch * groups, 1, count]);
    return linearNeighbours(w, w.op('Add', [moved, w.tensor({ dtype: 'float32', shape: [1, 1, count], data: base })]));
  }) as [ReturnType<typeof linearNeighbours>, ReturnType<typeof linearNeighbours>];
  const image = w.reshape(x, [batch * groups, channels / groups, ih * iw]);
  let found = sampled(w, image, [rows, columns], [ih, iw]);
  if (mask !== null) found = w.op('Mul', [found, w.reshape(mask, [batch * groups, 1, count])]);
  const spread = w.reshape(found, [batch, channels * taps, oh, ow]);
  const flat = w.reshape(weights, [outChannels, perGroup * taps, 1, 1]);
  return [w.op('Conv', bias === null ? [spread, flat] : [spread, flat, bias], { group: attributeInt(node, 'group', 1) })];
};

export const deformConvRules: Rules = { DeformConv: deformConv };
