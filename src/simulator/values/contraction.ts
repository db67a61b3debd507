/**
 * CONV, DWCONV and MATMUL: sums in an accumulator, then the drain.
 *
 * Operands are gathered dense, zero points subtracted, and multiplied by gemm.ts. A convolution becomes a product over patches (im2col),
 * a slice of channels and rows at a time; a 1×1 convolution of stride 1 is a product as it stands. Where few output channels share the
 * patches (depthwise), taps are added row by row instead.
 */
import { elementCount, invariant, isFloat } from '../../core/index.ts';
import type { ConvCommand, MatmulCommand, Ref } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { drain } from './drain.ts';
import { multiplyFloats, multiplyInts, multiplyWide } from './gemm.ts';
import { readFloats, readInts, readWide, writeNumbers, writeWide } from './numbers.ts';
import type { Tile } from './tile.ts';
import { tapRange } from './window.ts';

/** Elements of a patch matrix: half a megabyte, about the second-level cache. */
const patchElements = 131072;
/** Fewer output channels per group than this do not pay for patches. */
export const fewChannels = 4;

type Numbers = Int32Array | Float32Array;
/** Of integers exact beyond int32: doubles. */
type Sums = Numbers | Float64Array;

export function runContraction(cx: Context, c: ConvCommand | MatmulCommand): void {
  const accTile = tile(cx, c.acc);
  const float = c.acc.dtype === 'float32';
  invariant(float === isFloat(c.x.dtype) && float === isFloat(c.w.dtype), `${c.op} of ${c.x.dtype} by ${c.w.dtype} into ${c.acc.dtype}`);
  if (accTile.count === 0) return;
  const acc = startSums(cx, c, accTile, float);
  if (c.op === 'MATMUL') multiplyBatches(cx, c, acc);
  else convolve(cx, c, acc);
  if (acc instanceof Float64Array) writeWide(accTile, acc, cx.scratch);
  else writeNumbers(accTile, acc, cx.scratch);
  if (c.drain !== null) drain(cx, c.drain, acc, c.acc.extents, c.op === 'MATMUL' ? c.acc.extents.length - 1 : 1);
}

function startSums(cx: Context, c: ConvCommand | MatmulCommand, accTile: Tile, float: boolean): Sums {
  if (c.acc.dtype === 'int64') {
    if (c.mode === 'accumulate') return readWide(accTile, cx.scratch, 'acc');
    return new Float64Array(cx.scratch('acc', accTile.count * 8), 0, accTile.count).fill(0);
  }
  if (c.mode === 'accumulate') return float ? readFloats(accTile, cx.scratch, 'acc') : readInts(accTile, 0, cx.scratch, 'acc');
  const buffer = cx.scratch('acc', accTile.count * 4);
  const acc = float ? new Float32Array(buffer, 0, accTile.count) : new Int32Array(buffer, 0, accTile.count);
  return acc.fill(0);
}

function operand(cx: Context, ref: Ref, zero: number, slot: string): Numbers {
  const t = tile(cx, ref);
  return isFloat(ref.dtype) ? readFloats(t, cx.scratch, slot) : readInts(t, zero, cx.scratch, slot);
}

interface Shape {
  readonly accAt: number;
  readonly accStride: number;
  readonly coefAt: number;
  readonly coefStride: number;
  readonly matrixAt: number;
  readonly matrixStride: number;
  readonly m: number;
  readonly k: number;
  readonly p: number;
}

function multiply(cx: Context, acc: Sums, coef: Numbers, matrix: Numbers, shape: Shape): void {
  if (acc instanceof Int32Array && coef instanceof Int32Array && matrix instanceof Int32Array) {
    multiplyInts({ acc, coef, matrix, ...shape }, cx.scratch);
  } else if (acc instanceof Float32Array && coef instanceof Float32Array && matrix instanceof Float32Array) {
    multiplyFloats({ acc, coef, matrix, ...shape }, cx.scratch);
  } else if (acc instanceof Float64Array) multiplyWide({ acc, coef, matrix, ...shape });
}

function multiplyBatches(cx: Context, c: MatmulCommand, acc: Sums): void {
  const rank = c.acc.extents.length;
  const m = c.acc.extents[rank - 2] ?? 1;
  const n = c.acc.extents[rank - 1] ?? 1;
  const k = c.x.extents[rank - 1] ?? 1;
  const batches = c.acc.extents.slice(0, rank - 2);
  // A broadcast operand is read once, not once per batch.
  const x = withoutBroadcast(c.x, rank - 2);
  const w = withoutBroadcast(c.w, rank - 2);
  const xs = operand(cx, x, c.xZero, 'x');
  const ws = operand(cx, w, c.wZero, 'w');
  const count = elementCount(batches);
  for (let batch = 0; batch < count; batch++) {
    const xBatch = indexIn(batch, batches, x.extents);
    const wBatch = indexIn(batch, batches, w.extents);
    const shape = { accAt: batch * m * n, accStride: n, coefAt: xBatch * m * k, coefStride: k, matrixAt: wBatch * k * n, matrixStride: n };
    multiply(cx, acc, xs, ws, { ...shape, m, k, p: n });
  }
}

export function withoutBroadcast(ref: Ref, axes: number): Ref {
  return { ...ref, extents: ref.extents.map((e, i) => (i < axes && ref.strides[i] === 0 ? 1 : e)) };
}

/** Row-major index of batch `index` of `batches` in an operand whose broadcast axes have extent 1. */
export function indexIn(index: number, batches: readonly number[], extents: readonly number[]): number {
  let rest = index;
  let result = 0;
  let step = 1;
  for (let i = batches.length - 1; i >= 0; i--) {
    const extent = batches[i] ?? 1;
    const own = extents[i] ?? 1;
    if (own !== 1) result += (rest % extent) * step;
    rest = Math.floor(rest / extent);
    step *= own;
  }
  return result;
}

function convolve(cx: Context, c: ConvCommand, acc: Sums): void {
  const [n = 1, channels = 1, h = 1, width = 1] = c.x.extents;
  const [outChannels = 1, groupChannels = 1, kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  const x = operand(cx, c.x, c.xZero, 'x');
  const w = operand(cx, c.w, c.wZero, 'w');
  const groups = c.op === 'DWCONV' ? channels : c.groups;
  const m = outChannels / groups;
  invariant(
    Number.isInteger(m) && groupChannels * groups === channels,
    `${c.op}: ${outChannels} × ${groupChannels} weights for ${channels} channels, ${groups} groups`,
  );
  const plain = isPlainProduct(c);
  // A patch holds 0 where a tap falls on padding; that adds nothing unless the weight is infinite or NaN.
  const byTaps = !plain && (m < fewChannels || !allFinite(w));
  for (let image = 0; image < n; image++) {
    for (let g = 0; g < groups; g++) {
      const at: GroupAt = {
        x: (image * channels + g * groupChannels) * h * width,
        w: g * m * groupChannels * kh * kw,
        acc: (image * outChannels + g * m) * oh * ow,
        m,
      };
      if (plain) {
        const shape = {
          accAt: at.acc,
          accStride: oh * ow,
          coefAt: at.w,
          coefStride: groupChannels,
          matrixAt: at.x,
          matrixStride: h * width,
        };
        multiply(cx, acc, w, x, { ...shape, m, k: groupChannels, p: oh * ow });
      } else if (byTaps) addTaps(c, acc, x, w, at);
      else multiplyPatches(cx, c, acc, x, w, at);
    }
  }
}

/** Every output reads its own column of x and no other. */
export function isPlainProduct(c: ConvCommand): boolean {
  const [, , h = 1, width = 1] = c.x.extents;
  const [, , kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  return kh === 1 && kw === 1 && c.strides[0] === 1 && c.strides[1] === 1 && c.padTop === 0 && c.padLeft === 0 && h === oh && width === ow;
}

function allFinite(numbers: Numbers): boolean {
  if (numbers instanceof Int32Array) return true;
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

/** First elements of one group of one image, and its output channels. */
interface GroupAt {
  readonly x: number;
  readonly w: number;
  readonly acc: number;
  readonly m: number;
}

function multiplyPatches(cx: Context, c: ConvCommand, acc: Sums, x: Numbers, w: Numbers, at: GroupAt): void {
  const [, channels = 1, kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  const taps = kh * kw;
  const rows = Math.max(1, Math.min(oh, Math.floor(512 / ow)));
  const slice = Math.max(1, Math.min(channels, Math.floor(patchElements / (rows * ow * taps))));
  const buffer = cx.scratch('patches', slice * taps * rows * ow * 4);
  const xBits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  for (let row = 0; row < oh; row += rows) {
    const height = Math.min(rows, oh - row);
    const p = height * ow;
    for (let channel = 0; channel < channels; channel += slice) {
      const depth = Math.min(slice, channels - channel);
      fillPatches(c, new Uint32Array(buffer, 0, depth * taps * p), xBits, { at: at.x, channel, depth, row, height });
      const matrix = x instanceof Int32Array ? new Int32Array(buffer, 0, depth * taps * p) : new Float32Array(buffer, 0, depth * taps * p);
      multiply(cx, acc, w, matrix, {
        accAt: at.acc + row * ow,
        accStride: oh * ow,
        coefAt: at.w + channel * taps,
        coefStride: channels * taps,
        matrixAt: 0,
        matrixStride: p,
        m: at.m,
        k: depth * taps,
        p,
      });
    }
  }
}

/** patches[(channel, r, s)][(oh, ow)] as bits: zero is zero in both kinds of number. */
function fillPatches(
  c: ConvCommand,
  patches: Uint32Array,
  x: Uint32Array,
  part: { readonly at: number; readonly channel: number; readonly depth: number; readonly row: number; readonly height: number },
): void {
  const [, , h = 1, w = 1] = c.x.extents;
  const [, , kh = 1, kw = 1] = c.w.extents;
  const ow = c.acc.extents[3] ?? 1;
  const [sh, sw] = c.strides;
  const [dh, dw] = c.dilations;
  let to = 0;
  for (let channel = 0; channel < part.depth; channel++) {
    const plane = part.at + (part.channel + channel) * h * w;
    for (let r = 0; r < kh; r++) {
      for (let s = 0; s < kw; s++) {
        const shift = s * dw - c.padLeft;
        const [from, end] = tapRange(ow, w, sw, shift);
        for (let i = 0; i < part.height; i++, to += ow) {
          const row = (part.row + i) * sh + r * dh - c.padTop;
          if (row < 0 || row >= h || from >= end) {
            patches.fill(0, to, to + ow);
            continue;
          }
          const source = plane + row * w + shift;
          for (let j = 0; j < from; j++) patches[to + j] = 0;
          for (let j = from; j < end; j++) patches[to + j] = x[source + j * sw] ?? 0;
          for (let j = end; j < ow; j++) patches[to + j] = 0;
        }
      }
    }
  }
}

function addTaps(c: ConvCommand, acc: Sums, x: Numbers, w: Numbers, at: GroupAt): void {
  const [, , h = 1, width = 1] = c.x.extents;
  const [, channels = 1, kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  let tap = at.w;
  for (let m = 0; m < at.m; m++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let r = 0; r < kh; r++) {
        const [top, bottom] = tapRange(oh, h, c.strides[0], r * c.dilations[0] - c.padTop);
        for (let s = 0; s < kw; s++) {
          const weight = w[tap++] ?? 0;
          const shift = s * c.dilations[1] - c.padLeft;
          const [left, right] = tapRange(ow, width, c.strides[1], shift);
          for (let i = top; i < bottom; i++) {
            const row = i * c.strides[0] + r * c.dilations[0] - c.padTop;
            const source = at.x + (channel * h + row) * width + left * c.strides[1] + shift;
            const line = { to: at.acc + (m * oh + i) * ow + left, from: source, step: c.strides[1], count: right - left };
            if (acc instanceof Int32Array && x instanceof Int32Array) addIntLine(acc, x, weight, line);
            else if (acc instanceof Float32Array && x instanceof Float32Array) addFloatLine(acc, x, weight, line);
            else
              for (let j = 0; j < line.count; j++)
                acc[line.to + j] = (acc[line.to + j] ?? 0) + weight * (x[line.from + j * line.step] ?? 0);
          }
        }
      }
    }
  }
}

interface Line {
  readonly to: number;
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

function addIntLine(acc: Int32Array, x: Int32Array, weight: number, line: Line): void {
  const { to, from, step, count } = line;
  for (let i = 0; i < count; i++) acc[to + i] = ((acc[to + i] ?? 0) + Math.imul(weight, x[from + i * step] ?? 0)) | 0;
}

function addFloatLine(acc: Float32Array, x: Float32Array, weight: number, line: Line): void {
  const { to, from, step, count } = line;
  for (let i = 0; i < count; i++) acc[to + i] = Math.fround((acc[to + i] ?? 0) + Math.fround(weight * (x[from + i * step] ?? 0)));
}
