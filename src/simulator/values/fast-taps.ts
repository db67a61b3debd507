/** Convolutions with few output channels per group, depthwise ones above all: sums over taps of a padded plane, no patches. */
import { elementCount } from '../../core/index.ts';
import type { ConvCommand } from '../../isa/command.ts';
import type { Context } from './context.ts';
import type { DrainAreas } from './fast-drain.ts';
import { allFinite, rawBytes, readUnits } from './fast-operands.ts';
import type { Kernels } from './wasm/kernels.ts';

export interface TapsPlan {
  readonly groups: number;
  /** Output channels of a group. */
  readonly m: number;
  readonly float: boolean;
  readonly drainRoom: readonly number[];
  readonly startSums: (cx: Context, kernels: Kernels, c: ConvCommand, at: number) => void;
}

/** The padded planes of a group: columns that a stride apart are neighbours lie side by side, so that taps read neighbouring units. */
interface Padded {
  readonly rows: number;
  /** Units from phase to phase, and from row to row. */
  readonly phaseStep: number;
  readonly rowStep: number;
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
  const phaseStep = Math.ceil(((ow - 1) * sw + (kw - 1) * c.dilations[1] + 1) / sw);
  const padded: Padded = { rows: (oh - 1) * sh + (kh - 1) * c.dilations[0] + 1, phaseStep, rowStep: phaseStep * sw };
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
  new Int32Array(kernels.buffer(), offsets, taps).set(offsetsOf(c, padded));
  new Int32Array(kernels.buffer(), table, sw * 3).set(phasesOf(c, padded));
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

/** Bytes from an output's place in the planes to each of its taps. */
function offsetsOf(c: ConvCommand, p: Padded): readonly number[] {
  const [, channels = 1, kh = 1, kw = 1] = c.w.extents;
  const offsets: number[] = [];
  for (let channel = 0; channel < channels; channel++) {
    for (let r = 0; r < kh; r++) {
      for (let s = 0; s < kw; s++) {
        const column = s * c.dilations[1];
        const phase = column % c.strides[1];
        const units = (channel * p.rows + r * c.dilations[0]) * p.rowStep + phase * p.phaseStep + (column - phase) / c.strides[1];
        offsets.push(units * 4);
      }
    }
  }
  return offsets;
}

/** For each phase: the first input column, bytes from the row's start to its place, and how many of each row. */
function phasesOf(c: ConvCommand, p: Padded): readonly number[] {
  const stride = c.strides[1];
  const width = c.x.extents[3] ?? 1;
  return Array.from({ length: stride }, (_, phase) => {
    const first = Math.max(0, -c.padLeft);
    const x = first + ((((phase - first - c.padLeft) % stride) + stride) % stride);
    const place = (x + c.padLeft - phase) / stride;
    const count = Math.max(0, Math.min(Math.ceil((width - x) / stride), p.phaseStep - place));
    return [x, (phase * p.phaseStep + place) * 4, count];
  }).flat();
}
