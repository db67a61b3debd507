/** Convolution whose taps are displaced by computed offsets. */
import { elementCount } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import { bilinear } from './grid-sample.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { productFloat } from './product.ts';
import { readConcreteWindow, readWindow, windowOutput } from './window.ts';

function kernelSize(context: InferContext): readonly number[] {
  return requiredType(context, 1, 'W')
    .shape.slice(2)
    .map((d) => (typeof d === 'number' ? d : misfit(context, 'the kernel size is not a number', 'Weights need fixed spatial sizes')));
}

function checkOffsets(context: InferContext, kernel: readonly number[]): void {
  const offset = requiredType(context, 2, 'offset');
  const groups = intAttribute(context, 'offset_group', 1);
  const expected = groups * 2 * elementCount(kernel);
  const given = offset.shape[1];
  if (offset.shape.length !== 4 || (typeof given === 'number' && given !== expected)) {
    misfit(
      context,
      `the offsets ${printShape(offset.shape)} do not give ${expected} channels, two for each tap in ${groups} offset group${groups === 1 ? '' : 's'}`,
    );
  }
}

function groupsOf(context: OpContext): { readonly groups: number; readonly offsetGroups: number } {
  const groups = intAttribute(context, 'group', 1);
  const offsetGroups = intAttribute(context, 'offset_group', 1);
  if (groups < 1) badAttribute(context, 'group', String(groups), 'a whole number from 1');
  if (offsetGroups < 1) badAttribute(context, 'offset_group', String(offsetGroups), 'a whole number from 1');
  return { groups, offsetGroups };
}

export const deformConv: OpDef = defineOp({
  name: 'DeformConv',
  since: [19, 22],
  kernelClass: 'contraction',
  attributes: { dilations: 'computed', group: 1, kernel_shape: 'computed', offset_group: 1, pads: 'computed', strides: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const w = requiredType(context, 1, 'W');
    if (x.shape.length !== 4 || w.shape.length !== 4) {
      misfit(
        context,
        `the input ${printShape(x.shape)} and the weights ${printShape(w.shape)} are not both of rank 4`,
        'Only two spatial axes are defined',
      );
    }
    const { groups } = groupsOf(context);
    const kernel = kernelSize(context);
    checkOffsets(context, kernel);
    const [batch = 1, channels = 1] = x.shape;
    const [outChannels = 1, weightChannels = 1] = w.shape;
    if (typeof channels === 'number' && typeof weightChannels === 'number' && channels !== weightChannels * groups) {
      misfit(
        context,
        `the input ${printShape(x.shape)} has ${channels} channels, the weights ${printShape(w.shape)} take ${weightChannels * groups}`,
      );
    }
    const window = readWindow(context, kernel, x.shape.slice(2));
    const out = x.shape.slice(2).map((size, i): Dim => windowOutput(context, window, i, size, 'floor'));
    return [{ dtype: x.dtype, shape: [batch, outChannels, ...out] }];
  },
  /** Samples every displaced tap (bilinear, 0 outside), times its mask, then multiplies as Conv does. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const w = requiredTensor(context, 1, 'W');
    const type = outputType(context);
    const { groups, offsetGroups } = groupsOf(context);
    const [batch = 1, channels = 1, ih = 1, iw = 1] = x.shape;
    const [outChannels = 1, perGroup = 1, kh = 1, kw = 1] = w.shape;
    const [oh = 1, ow = 1] = type.shape.slice(2);
    const window = readConcreteWindow(context, [kh, kw], [ih, iw]);
    const [sh = 1, sw = 1] = window.strides;
    const [dh = 1, dw = 1] = window.dilations;
    const [ph = 0, pw = 0] = window.padBegin;
    const source = floatsOf(x);
    const weights = floatsOf(w);
    const offsets = floatsOf(requiredTensor(context, 2, 'offset'));
    const mask = hasInput(context, 4) ? floatsOf(requiredTensor(context, 4, 'mask')) : null;
    const taps = kh * kw;
    const positions = oh * ow;
    const out = new Float32Array(elementCount(type.shape));
    const columns = new Float32Array(perGroup * taps * positions);
    for (let n = 0; n < batch; n++) {
      for (let g = 0; g < groups; g++) {
        for (let c = 0; c < perGroup; c++) {
          const channel = g * perGroup + c;
          const base = (n * channels + channel) * ih * iw;
          const og = Math.floor(channel / (channels / offsetGroups));
          for (let t = 0; t < taps; t++) {
            const shiftAt = ((n * offsetGroups + og) * taps + t) * 2 * positions;
            const maskAt = ((n * offsetGroups + og) * taps + t) * positions;
            for (let p = 0; p < positions; p++) {
              const y = Math.floor(p / ow) * sh - ph + Math.floor(t / kw) * dh + (offsets[shiftAt + p] ?? 0);
              const z = (p % ow) * sw - pw + (t % kw) * dw + (offsets[shiftAt + positions + p] ?? 0);
              columns[(c * taps + t) * positions + p] = bilinear(source, base, ih, iw, y, z) * (mask?.[maskAt + p] ?? 1);
            }
          }
        }
        const rows = outChannels / groups;
        productFloat(weights, columns, out, {
          m: rows,
          n: positions,
          k: perGroup * taps,
          aOffset: g * rows * perGroup * taps,
          cOffset: (n * outChannels + g * rows) * positions,
          cStride: positions,
        });
      }
    }
    if (hasInput(context, 3)) {
      const bias = floatsOf(requiredTensor(context, 3, 'B'));
      for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) + (bias[Math.floor(i / positions) % outChannels] ?? 0);
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
  macs(context) {
    const w = context.inputs[1];
    const out = context.outputs[0];
    return w === null || w === undefined || out === undefined ? 0 : elementCount(out.shape) * elementCount(w.shape.slice(1));
  },
});
