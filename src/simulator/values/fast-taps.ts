/** Convolutions with few output channels per group, depthwise ones above all: sums over taps of a padded plane, no patches. */
import { elementCount } from '../../core/index.ts';
import type { ConvCommand } from '../../isa/command.ts';
import type { Context } from './context.ts';
import type { DrainAreas } from './fast-drain.ts';
import { allFinite, rawBytes, readUnits } from './fast-operands.ts';
import { offsetsOf, paddedOf, phasesOf, type Window } from './fast-window.ts';
import type { Kernels } from './wasm/kernels.ts';

export interface TapsPlan {
  readonly groups: number;
  /** Output channels of a group. */
  readonly m: number;
  readonly float: boolean;
  readonly drainRoom: readonly number[];
  readonly startSums: (cx: Context, kernels: Kernels, c: ConvCommand, at: number) => void;
}

/** Null, and nothing done, where zeros in place of padding are not the same as leaving taps out. */
export function convolveByTaps(cx: Context, kernels: Kernels, c: ConvCommand, plan: TapsPlan): DrainAreas | null {
  const [n = 1, channels = 1, h = 1, width = 1] = c.x.extents;
  const [outChannels = 1, groupChannels = 1, kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  const { groups, m, float } = plan;
  const sumsCount = elementCount(c.acc.extents);
  const taps = groupChannels * kh * kw;
  const [sh, sw] = c.strides;
  const window: Window = { ...c, kernel: [kh, kw], input: [h, width], output: [oh, ow] };
  const padded = paddedOf(window);
  const planeUnits = padded.rows * padded.rowStep;
  const areas = kernels.room([
    Math.max(rawBytes(c.x), rawBytes(c.w)),
    elementCount(c.x.extents) * 4,
    elementCount(c.w.extents) * 4,
    groupChannels * planeUnits * 4,
    taps * 4,
    sw * 12,
    256,
    sumsCount * 4,
    ...plan.drainRoom,
  ]);
  if (areas === null) return null;
  const [raw = 0, xs = 0, ws = 0, planes = 0, offsets = 0, table = 0, spare = 0, sums = 0, ...drain] = areas;
  readUnits(cx, kernels, c.w, c.wZero, raw, ws);
  plan.startSums(cx, kernels, c, sums);
  if (float && !allFinite(kernels, ws, elementCount(c.w.extents))) return null;
  if (float && c.mode === 'accumulate' && !noNegativeZero(kernels, sums, sumsCount)) return null;
  readUnits(cx, kernels, c.x, c.xZero, raw, xs);
  new Int32Array(kernels.buffer(), offsets, taps).set(offsetsOf(window, padded, groupChannels));
  new Int32Array(kernels.buffer(), table, sw * 3).set(phasesOf(window, padded));
  // Every plane leaves the padding as it is.
  new Int32Array(kernels.buffer(), planes, groupChannels * planeUnits).fill(0);

  const { pad, tapsFloats, tapsInts } = kernels.run;
  const sum = float ? tapsFloats : tapsInts;
  for (let image = 0; image < n; image++) {
    for (let g = 0; g < groups; g++) {
      for (let channel = 0; channel < groupChannels; channel++) {
        const from = xs + (image * channels + g * groupChannels + channel) * h * width * 4;
        pad(from, h, width, planes + channel * planeUnits * 4, padded.rowStep * 4, padded.rows, c.padTop, sw, table);
      }
      for (let i = 0; i < m; i++) {
        const weights = ws + (g * m + i) * taps * 4;
        const to = sums + (image * outChannels + g * m + i) * oh * ow * 4;
        sum(planes, offsets, weights, taps, to, ow, oh, sh * padded.rowStep * 4, spare);
      }
    }
  }
  return { sums, areas: drain };
}

/** −0 + 0 is +0: the only sum that a tap on padding would change. Sums that begin at +0 never come to it. */
function noNegativeZero(kernels: Kernels, at: number, count: number): boolean {
  return !new Int32Array(kernels.buffer(), at, count).includes(-2147483648);
}
