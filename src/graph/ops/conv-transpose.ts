import { elementCount } from '../../core/index.ts';
import { addDim, floorDivDim, maxDim, mulDim, subDim, type Dim } from '../dim.ts';
import { checkConvolution } from './conv.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  intsAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  stringAttribute,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { effectiveKernel, listOf } from './window.ts';

interface TransposedWindow {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBegin: readonly Dim[];
  readonly output: readonly Dim[];
}

/** full = stride · (input - 1) + output_padding + effective kernel; pads are cut from it, or follow from the wanted size. */
function transposedWindow(context: OpContext, kernel: readonly number[], input: readonly Dim[]): TransposedWindow {
  const rank = kernel.length;
  const strides = listOf(context, 'strides', rank, 1);
  const dilations = listOf(context, 'dilations', rank, 1);
  const extra = listOf(context, 'output_padding', rank, 0);
  const auto = stringAttribute(context, 'auto_pad', 'NOTSET');
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(auto)) {
    badAttribute(context, 'auto_pad', `"${auto}"`, 'NOTSET, VALID, SAME_UPPER, SAME_LOWER');
  }
  const full = kernel.map((k, i) =>
    addDim(mulDim(strides[i] ?? 1, subDim(input[i] ?? 1, 1)), (extra[i] ?? 0) + effectiveKernel(k, dilations[i] ?? 1)),
  );
  const stated = intsAttribute(context, 'output_shape')?.slice(-rank);
  const same = auto.startsWith('SAME');
  if (stated !== undefined || same) {
    const output = kernel.map((_, i): Dim => stated?.[i] ?? mulDim(input[i] ?? 1, strides[i] ?? 1));
    // Where more is wanted than there is, it is added at the end: nothing is cut off (as ONNX Runtime and the frameworks have it).
    const total = full.map((f, i) => maxDim(subDim(f, output[i] ?? 1), 0));
    // ONNX: SAME_UPPER puts the odd one at the end, everything else at the start.
    const padBegin = total.map((t) => (auto === 'SAME_UPPER' ? floorDivDim(t, 2) : subDim(t, floorDivDim(t, 2))));
    return { strides, dilations, padBegin, output };
  }
  const pads = auto === 'VALID' ? new Array<number>(2 * rank).fill(0) : listOf(context, 'pads', 2 * rank, 0);
  return {
    strides,
    dilations,
    padBegin: pads.slice(0, rank),
    output: full.map((f, i) => subDim(f, (pads[i] ?? 0) + (pads[rank + i] ?? 0))),
  };
}

/** Three spatial axes from the last ones. */
function filled(list: readonly number[], fill: number): readonly [number, number, number] {
  const [a = fill, b = fill, c = fill] = [...new Array<number>(3 - list.length).fill(fill), ...list];
  return [a, b, c];
}

export const convTranspose: OpDef = defineOp({
  name: 'ConvTranspose',
  since: [1, 11, 22],
  kernelClass: 'contraction',
  attributes: {
    auto_pad: 'NOTSET',
    dilations: 'computed',
    group: 1,
    kernel_shape: 'computed',
    output_padding: 'computed',
    output_shape: 'computed',
    pads: 'computed',
    strides: 'computed',
  },
  infer(context) {
    const { x, w, spatial } = checkConvolution(context);
    const group = intAttribute(context, 'group', 1);
    const [batch = 1, channels = 1] = x.shape;
    const [weightChannels = 1, outChannels = 1] = w.shape;
    if (typeof channels === 'number' && typeof weightChannels === 'number' && channels !== weightChannels) {
      misfit(
        context,
        `the input ${printShape(x.shape)} has ${channels} channels, the weights ${printShape(w.shape)} take ${weightChannels}`,
      );
    }
    const output =
      spatial === null
        ? x.shape.slice(2).map(() => context.unknownDim(null, 'the size of the weights'))
        : transposedWindow(context, spatial, x.shape.slice(2)).output;
    return [{ dtype: x.dtype, shape: [batch, mulDim(outChannels, group), ...output] }];
  },
  /**
   * Each input pixel adds its weighted kernel to the output; sums in fp32 over channel, then the pixels an output meets in row-major order,
   * as the convolution that computes it does: so the last tap of a kernel comes first.
   */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const w = requiredTensor(context, 1, 'W');
    const type = outputType(context);
    const window = transposedWindow(context, w.shape.slice(2), x.shape.slice(2));
    const [id, ih, iw] = filled(x.shape.slice(2), 1);
    const [od, oh, ow] = filled(type.shape.slice(2), 1);
    const [kd, kh, kw] = filled(w.shape.slice(2), 1);
    const [sd, sh, sw] = filled(window.strides, 1);
    const [dd, dh, dw] = filled(window.dilations, 1);
    const [pd, ph, pw] = filled(window.padBegin.map(Number), 0);
    const groups = intAttribute(context, 'group', 1);
    const inChannels = (x.shape[1] ?? 1) / groups;
    const outChannels = w.shape[1] ?? 1;
    const source = floatsOf(x);
    const weights = floatsOf(w);
    const out = new Float32Array(elementCount(type.shape));
    for (let n = 0; n < (x.shape[0] ?? 1); n++) {
      for (let oc = 0; oc < groups * outChannels; oc++) {
        const group = Math.floor(oc / outChannels);
        const to = (n * groups * outChannels + oc) * od * oh * ow;
        for (let c = 0; c < inChannels; c++) {
          const ic = group * inChannels + c;
          const from = (n * groups * inChannels + ic) * id * ih * iw;
          const kernel = (ic * outChannels + (oc - group * outChannels)) * kd * kh * kw;
          for (let k = kd * kh * kw - 1; k >= 0; k--) {
            const weight = weights[kernel + k] ?? 0;
            const z0 = Math.floor(k / (kh * kw)) * dd - pd;
            const y0 = (Math.floor(k / kw) % kh) * dh - ph;
            const x0 = (k % kw) * dw - pw;
            for (let z = 0; z < id; z++) {
              const oz = z * sd + z0;
              if (oz < 0 || oz >= od) continue;
              for (let y = 0; y < ih; y++) {
                const oy = y * sh + y0;
                if (oy < 0 || oy >= oh) continue;
                const line = to + (oz * oh + oy) * ow;
                const row = from + (z * ih + y) * iw;
                for (let i = 0, at = x0; i < iw; i++, at += sw) {
                  if (at >= 0 && at < ow) out[line + at] = (out[line + at] ?? 0) + Math.fround(weight * (source[row + i] ?? 0));
                }
              }
            }
          }
        }
      }
    }
    if (hasInput(context, 2)) {
      const bias = floatsOf(requiredTensor(context, 2, 'B'));
      const plane = od * oh * ow;
      for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) + (bias[Math.floor(i / plane) % (groups * outChannels)] ?? 0);
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
  /** Every input pixel meets every weight of its channel once. */
  macs(context) {
    const x = context.inputs[0];
    const w = context.inputs[1];
    if (x === undefined || x === null || w === undefined || w === null) return 0;
    return elementCount(x.shape) * elementCount(w.shape.slice(1));
  },
});
