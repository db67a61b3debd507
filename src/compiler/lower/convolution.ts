/** Convolutions as the array runs them: 1-D or 2-D, not transposed, with a bias only where it is a constant. */
import { attributeInt, attributeInts, attributeString } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { unrollLimit, type Rule, type Rules } from './rule.ts';
import type { Writer } from './writer.ts';

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

/** The window of a Conv with padding resolved. */
function windowOf(w: Writer, node: Node, x: ValueId, weights: ValueId): Window {
  const kernel = w.shape(weights).slice(2);
  const list = (name: string): readonly number[] =>
    attributeInts(
      node,
      name,
      kernel.map(() => 1),
    );
  const strides = list('strides');
  const dilations = list('dilations');
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  const reach = kernel.map((k, i) => (k - 1) * (dilations[i] ?? 1) + 1);
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = kernel.map((_, i) => {
      const extent = w.shape(x)[2 + i] ?? 1;
      const out = Math.ceil(extent / (strides[i] ?? 1));
      return Math.max(0, (out - 1) * (strides[i] ?? 1) + (reach[i] ?? 1) - extent);
    });
    const begin = total.map((t) => (auto === 'SAME_UPPER' ? Math.floor(t / 2) : Math.ceil(t / 2)));
    return { kernel, strides, dilations, begin, end: total.map((t, i) => t - (begin[i] ?? 0)) };
  }
  const pads = auto === 'VALID' ? [] : attributeInts(node, 'pads', []);
  return {
    kernel,
    strides,
    dilations,
    begin: kernel.map((_, i) => pads[i] ?? 0),
    end: kernel.map((_, i) => pads[kernel.length + i] ?? 0),
  };
}

const conv: Rule = (w, node) => {
  const [x = null, weights = null, bias = null] = node.inputs;
  if (x === null || weights === null) return null;
  const rank = w.shape(x).length - 2;
  if (rank === 3) return [overDepth(w, node, x, weights, bias)];
  if (bias !== null && !w.isConstant(bias)) {
    const [y] = w.node({ ...node, inputs: [x, weights] });
    return [
      w.op('Add', [
        y as ValueId,
        w.reshape(bias, [
          w.shape(bias)[0] ?? 1,
          ...w
            .shape(x)
            .slice(2)
            .map(() => 1),
        ]),
      ]),
    ];
  }
  return null;
};

/**
 * A 3-D convolution: the depth taps become channels of one 2-D convolution over all output slices.
 *
 *     x [N, C, D, H, W]  =>  [N · OD, KD · C, H, W]  =>  Conv  =>  [N · OD, M, OH, OW]  =>  [N, M, OD, OH, OW]
 */
function overDepth(w: Writer, node: Node, x: ValueId, weights: ValueId, bias: ValueId | null): ValueId {
  const [batch = 1, channels = 1, depth = 1, height = 1, width = 1] = w.shape(x);
  const [outs = 1, perGroup = 1, kd = 1, kh = 1, kw = 1] = w.shape(weights);
  const groups = attributeInt(node, 'group', 1);
  const { strides, dilations, begin, end } = windowOf(w, node, x, weights);
  const [sd = 1, sh = 1, sw = 1] = strides;
  const [dd = 1, dh = 1, dw = 1] = dilations;
  const [front = 0, top = 0, left = 0] = begin;
  const [stated = 0, bottom = 0, right = 0] = end;
  const reach = (kd - 1) * dd + 1;
  const slices = Math.floor((depth + front + stated - reach) / sd) + 1;
  // No more padding at the end than a tap reads.
  const back = Math.max(0, Math.min(stated, (slices - 1) * sd + reach - depth - front));
  const byDepth = w.transpose(x, [0, 2, 1, 3, 4]);
  const padded = front + back === 0 ? byDepth : w.op('Pad', [byDepth, w.ints([0, front, 0, 0, 0, 0, back, 0, 0, 0])], { mode: 'constant' });
  const grouped = w.reshape(padded, [batch, depth + front + back, groups, perGroup, height, width]);
  const taps = Array.from({ length: kd }, (_, k) => w.slice(grouped, 1, k * dd, k * dd + (slices - 1) * sd + 1, sd));
  const images = w.reshape(w.concat(taps, 3), [batch * slices, kd * channels, height, width]);
  const flat = w.reshape(w.transpose(weights, [0, 2, 1, 3, 4]), [outs, kd * perGroup, kh, kw]);
  const y = w.op('Conv', bias === null ? [images, flat] : [images, flat, bias], {
    group: groups,
    strides: [sh, sw],
    dilations: [dh, dw],
    pads: [top, left, bottom, right],
  });
  const [, , oh = 1, ow = 1] = w.shape(y);
  return w.transpose(w.reshape(y, [batch, slices, outs, oh, ow]), [0, 2, 1, 3, 4]);
}

/** One axis of a transposed convolution, one phase: outputs o with (o + padding) mod stride = residue. */
interface Phase {
  /** Taps in the order a convolution meets them; empty: the phase is zero (plus bias). */
  readonly taps: readonly number[];
  readonly dilation: number;
  /** Padding of the input; negative where it is cut. */
  readonly before: number;
  readonly after: number;
}

/** `count` outputs of every phase; phase p makes the outputs p, p + stride, … */
function phasesOf(kernel: number, stride: number, dilation: number, pad: number, count: number, extent: number): readonly Phase[] {
  return Array.from({ length: stride }, (_, p) => {
    const residue = (((p + pad) % stride) + stride) % stride;
    // Output o = p + stride · u reads input q - t for each tap k, where o + pad = stride · q + residue and k · dilation = stride · t + residue.
    const taps = Array.from({ length: kernel }, (_, k) => k)
      .filter((k) => (k * dilation) % stride === residue)
      .reverse();
    const shift = (k: number): number => (k * dilation - residue) / stride;
    const [most = 0] = taps;
    const [, next = most] = taps;
    const step = Math.max(1, shift(most) - shift(next));
    const first = (p + pad - residue) / stride;
    const before = shift(most) - first;
    const after = count - 1 + (Math.max(1, taps.length) - 1) * step + first - shift(most) - (extent - 1);
    return { taps, dilation: step, before, after };
  });
}

/**
 * A transposed convolution, phase by phase: the outputs whose places are equal modulo the strides are a small convolution of the
 * input, and the phases are woven together. No zeros are inserted, so no multiplication is wasted.
 */
const convTranspose: Rule = (w, node) => {
  const [x = null, weights = null, bias = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || weights === null || out === undefined) return null;
  const [batch = 1, channels = 1, ...extents] = w.shape(x);
  const [, outsPerGroup = 1, ...kernel] = w.shape(weights);
  const groups = attributeInt(node, 'group', 1);
  const outs = outsPerGroup * groups;
  const outShape = w.shape(out).slice(2);
  const rank = kernel.length;
  const list = (name: string): readonly number[] =>
    attributeInts(
      node,
      name,
      kernel.map(() => 1),
    );
  const strides = list('strides');
  const dilations = list('dilations');
  const phaseCount = strides.reduce((n, s) => n * s, 1);
  if (phaseCount > unrollLimit) {
    return {
      reason: `strides of ${strides.join(' × ')} make ${phaseCount} phases, each a convolution of its own`,
      limit: { what: 'phases of a transposed convolution', actual: String(phaseCount), allowed: String(unrollLimit) },
    };
  }
  const begin = transposedPads(node, extents, kernel, strides, dilations, outShape);
  const at = (a: readonly number[], i: number): number => a[i] ?? 1;
  const counts = outShape.map((o, i) => Math.ceil(o / at(strides, i)));
  const axes = kernel.map((k, i) => phasesOf(k, at(strides, i), at(dilations, i), begin[i] ?? 0, at(counts, i), at(extents, i)));
  // [Cin, Cout / g, k…] -> [Cout, Cin / g, k…]
  const split = w.reshape(weights, [groups, channels / groups, outsPerGroup, ...kernel]);
  const turned = w.transpose(split, [0, 2, 1, ...kernel.map((_, i) => 3 + i)]);
  const flat = w.reshape(turned, [outs, channels / groups, ...kernel]);
  const constantBias = bias !== null && w.isConstant(bias) ? bias : null;

  const phase = (which: readonly Phase[]): ValueId => {
    if (which.some((p) => p.taps.length === 0)) {
      const none = w.lazy({ dtype: 'float32', shape: [batch, outs, ...counts] }, { kind: 'splat', element: new Uint8Array(4) });
      return constantBias === null ? none : w.op('Add', [none, w.reshape(constantBias, [outs, ...kernel.map(() => 1)])]);
    }
    let input = x;
    let filter = flat;
    which.forEach((p, i) => {
      const extent = at(extents, i);
      if (p.before < 0 || p.after < 0) input = w.slice(input, 2 + i, Math.max(0, -p.before), extent - Math.max(0, -p.after));
      const [first = 0] = p.taps;
      const [, second = first - 1] = p.taps;
      const axis = 2 + i;
      filter = w.op('Slice', [
        filter,
        w.ints([first]),
        w.ints([(p.taps.at(-1) ?? 0) === 0 ? -kernel.reduce((n, k) => n + k, 1) : (p.taps.at(-1) ?? 0) - 1]),
        w.ints([axis]),
        w.ints([second - first]),
      ]);
    });
    return w.op('Conv', constantBias === null ? [input, filter] : [input, filter, constantBias], {
      group: groups,
      dilations: which.map((p) => p.dilation),
      strides: kernel.map(() => 1),
      pads: [...which.map((p) => Math.max(0, p.before)), ...which.map((p) => Math.max(0, p.after))],
    });
  };

  // All phases one behind the other, then turned inwards: [phases…, N, M, counts…] -> [N, M, count, phase, count, phase, …].
  const choices = axes.reduce<readonly (readonly Phase[])[]>((chosen, phases) => chosen.flatMap((c) => phases.map((p) => [...c, p])), [[]]);
  const parts = choices.map((chosen) => w.reshape(phase(chosen), [1, batch, outs, ...counts]));
  const stacked = w.reshape(w.concat(parts, 0), [...axes.map((a) => a.length), batch, outs, ...counts]);
  const woven = w.transpose(stacked, [rank, rank + 1, ...axes.flatMap((_, i) => [rank + 2 + i, i])]);
  let y = w.reshape(woven, [batch, outs, ...counts.map((c, i) => c * at(strides, i))]);
  outShape.forEach((o, i) => {
    y = w.slice(y, 2 + i, 0, o);
  });
  return [bias === null || constantBias !== null ? y : w.op('Add', [y, w.reshape(bias, [outs, ...kernel.map(() => 1)])])];
};

/** Padding at the start: stated, or what is left of the full size where the output's is given. */
function transposedPads(
  node: Node,
  extents: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  output: readonly number[],
): readonly number[] {
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  if (node.attributes['output_shape'] === undefined && !auto.startsWith('SAME')) {
    return auto === 'VALID' ? kernel.map(() => 0) : attributeInts(node, 'pads', []).slice(0, kernel.length);
  }
  const extra = attributeInts(node, 'output_padding', []);
  return kernel.map((k, i) => {
    const full = (strides[i] ?? 1) * ((extents[i] ?? 1) - 1) + (extra[i] ?? 0) + (k - 1) * (dilations[i] ?? 1) + 1;
    const total = Math.max(0, full - (output[i] ?? 0));
    return auto === 'SAME_UPPER' ? Math.floor(total / 2) : total - Math.floor(total / 2);
  });
}

export const convolutionRules: Rules = { Conv: conv, ConvTranspose: convTranspose };
