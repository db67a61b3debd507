/** POOL: windows over planes, tap by tap so that sums run over the kernel's rows, then its columns. */
import { elementCount, isFloat, roundHalfEven } from '../../core/index.ts';
import type { PoolCommand } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { countOutputs, integerBounds } from './stats.ts';
import { readFloats, readInts, writeNumbers } from './numbers.ts';
import { tapRange } from './window.ts';

export function runPool(cx: Context, c: PoolCommand): void {
  const xTile = tile(cx, c.x);
  const count = elementCount(c.out.extents);
  const max = c.kind === 'max';
  const sums = new Float64Array(cx.scratch('pool', count * 8), 0, count).fill(max ? -Infinity : 0);
  if (isFloat(c.x.dtype)) {
    const x = readFloats(xTile, cx.scratch, 'x');
    eachTapLine(c, (line) => (max ? maxFloats : addFloats)(sums, x, line));
  } else {
    const x = readInts(xTile, max ? 0 : c.xZero, cx.scratch, 'x');
    eachTapLine(c, (line) => (max ? maxInts : addInts)(sums, x, line));
  }
  finishPool(cx, c, sums);
}

/** Largest numbers or sums, one per output, become what the command writes; `sums` is overwritten. */
export function finishPool(cx: Context, c: PoolCommand, sums: Float64Array): void {
  const float = isFloat(c.x.dtype);
  if (c.kind === 'max') {
    const [lo, hi] = float ? [c.lo, c.hi] : rangeOf(c);
    for (let i = 0; i < sums.length; i++) sums[i] = clampTo(sums[i] ?? 0, lo, hi);
  } else divide(cx, c, sums, float);
  writeNumbers(tile(cx, c.out), sums, cx.scratch);
  countOutputs(cx.tally, c.out.dtype, sums);
}

function rangeOf(c: PoolCommand): readonly [number, number] {
  const { lo, hi } = integerBounds(c.out.dtype, c.lo, c.hi, c.outZero);
  return [lo, hi];
}

function clampTo(x: number, lo: number, hi: number): number {
  return x < lo ? lo : x > hi ? hi : x;
}

/** Sums become averages, over the taps that count. */
function divide(cx: Context, c: PoolCommand, sums: Float64Array, float: boolean): void {
  const [, , oh = 1, ow = 1] = c.out.extents;
  const [top, left, bottom, right] = c.countBox;
  const rows = tapsInside(oh, 0, c, top, bottom);
  const columns = tapsInside(ow, 1, c, left, right);
  const bounds = integerBounds(c.out.dtype, c.lo, c.hi, c.outZero);
  for (let line = 0; line * ow < sums.length; line++) {
    const height = rows[line % oh] ?? 0;
    for (let column = 0; column < ow; column++) {
      const i = line * ow + column;
      const mean = Math.fround(Math.fround(sums[i] ?? 0) / Math.max(1, height * (columns[column] ?? 0)));
      if (float) {
        sums[i] = clampTo(mean, c.lo, c.hi);
        continue;
      }
      const q = roundHalfEven(Math.fround(mean * c.multiplier)) + c.outZero;
      if (q < bounds.saturatedBelow || q > bounds.saturatedAbove) cx.tally.saturated++;
      sums[i] = clampTo(q, bounds.lo, bounds.hi);
    }
  }
}

/** How many taps of each output along one axis lie in [from, end). */
function tapsInside(outputs: number, axis: 0 | 1, c: PoolCommand, from: number, end: number): Int32Array {
  const pad = axis === 0 ? c.padTop : c.padLeft;
  const counts = new Int32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    for (let k = 0; k < c.kernel[axis]; k++) {
      const at = o * c.strides[axis] + k * c.dilations[axis] - pad;
      if (at >= from && at < end) counts[o] = (counts[o] ?? 0) + 1;
    }
  }
  return counts;
}

interface Line {
  readonly to: number;
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

function eachTapLine(c: PoolCommand, visit: (line: Line) => void): void {
  const [n = 1, channels = 1, h = 1, w = 1] = c.x.extents;
  const [, , oh = 1, ow = 1] = c.out.extents;
  const [sh, sw] = c.strides;
  for (let plane = 0; plane < n * channels; plane++) {
    for (let r = 0; r < c.kernel[0]; r++) {
      const rowShift = r * c.dilations[0] - c.padTop;
      const [top, bottom] = tapRange(oh, h, sh, rowShift);
      for (let s = 0; s < c.kernel[1]; s++) {
        const shift = s * c.dilations[1] - c.padLeft;
        const [left, right] = tapRange(ow, w, sw, shift);
        if (left >= right) continue;
        for (let i = top; i < bottom; i++) {
          visit({
            to: (plane * oh + i) * ow + left,
            from: (plane * h + i * sh + rowShift) * w + left * sw + shift,
            step: sw,
            count: right - left,
          });
        }
      }
    }
  }
}

function maxInts(best: Float64Array, x: Int32Array, line: Line): void {
  const { to, from, step, count } = line;
  for (let i = 0; i < count; i++) {
    const v = x[from + i * step] ?? 0;
    if (v > (best[to + i] ?? 0)) best[to + i] = v;
  }
}

/** NaN wins, as in a plain maximum. */
function maxFloats(best: Float64Array, x: Float32Array, line: Line): void {
  const { to, from, step, count } = line;
  for (let i = 0; i < count; i++) best[to + i] = Math.max(best[to + i] ?? 0, x[from + i * step] ?? 0);
}

function addInts(sums: Float64Array, x: Int32Array, line: Line): void {
  const { to, from, step, count } = line;
  for (let i = 0; i < count; i++) sums[to + i] = (sums[to + i] ?? 0) + (x[from + i * step] ?? 0);
}

function addFloats(sums: Float64Array, x: Float32Array, line: Line): void {
  const { to, from, step, count } = line;
  for (let i = 0; i < count; i++) sums[to + i] = Math.fround((sums[to + i] ?? 0) + (x[from + i * step] ?? 0));
}
