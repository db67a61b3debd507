/** The drain: finished sums leave the accumulator with bias, rescaled and clamped. */
import { dequantize, isFloat, requantize, requantizeFixed } from '../../core/index.ts';
import type { Drain } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { countOutputs, integerBounds } from './stats.ts';
import { readFloats, readInts, writeNumbers } from './numbers.ts';

/** `channelAxis` of `extents` is what bias and multiplier go by. `acc` is left as it is. */
export function drain(
  cx: Context,
  d: Drain,
  acc: Int32Array | Float32Array | Float64Array,
  extents: readonly number[],
  channelAxis: number,
): void {
  let inner = 1;
  for (let i = channelAxis + 1; i < extents.length; i++) inner *= extents[i] ?? 1;
  const channels = { count: extents[channelAxis] ?? 1, inner };
  const out =
    acc instanceof Float32Array
      ? drainFloats(cx, d, acc, channels)
      : acc instanceof Float64Array
        ? drainWide(cx, d, acc, channels)
        : drainInts(cx, d, acc, channels);
  writeNumbers(tile(cx, d.out), out, cx.scratch);
  countOutputs(cx.tally, d.out.dtype, out);
}

interface Channels {
  readonly count: number;
  /** Elements of one channel that lie side by side. */
  readonly inner: number;
}

function drainInts(cx: Context, d: Drain, acc: Int32Array, channels: Channels): Int32Array | Float32Array {
  const bias = d.bias === null ? null : readInts(tile(cx, d.bias), 0, cx.scratch, 'bias');
  const fixed = d.multiplier?.dtype === 'int32' ? readInts(tile(cx, d.multiplier), 0, cx.scratch, 'multiplier') : null;
  const multiplier = d.multiplier === null || fixed !== null ? null : readFloats(tile(cx, d.multiplier), cx.scratch, 'multiplier');
  const bounds = integerBounds(d.out.dtype, d.lo, d.hi, d.outZero);
  const { lo, hi, saturatedBelow, saturatedAbove } = bounds;
  const out = new Int32Array(cx.scratch('drained', acc.length * 4), 0, acc.length);
  let saturated = 0;
  for (let i = 0, c = 0; i < acc.length; i += channels.inner, c = c + 1 === channels.count ? 0 : c + 1) {
    const b = bias === null ? 0 : (bias[c] ?? 0);
    const end = i + channels.inner;
    if (fixed !== null) {
      const m = { multiplier: fixed[2 * c] ?? 0, shift: fixed[2 * c + 1] ?? 0 };
      for (let j = i; j < end; j++) {
        const q = requantizeFixed(((acc[j] ?? 0) + b) | 0, m, d.outZero, -Infinity, Infinity);
        if (q < saturatedBelow || q > saturatedAbove) saturated++;
        out[j] = q < lo ? lo : q > hi ? hi : q;
      }
      continue;
    }
    if (multiplier === null) {
      for (let j = i; j < end; j++) {
        const sum = ((acc[j] ?? 0) + b) | 0;
        out[j] = sum < lo ? lo : sum > hi ? hi : sum;
      }
      continue;
    }
    const scale = multiplier[c] ?? 0;
    for (let j = i; j < end; j++) {
      const q = requantize(((acc[j] ?? 0) + b) | 0, scale, d.outZero, -Infinity, Infinity);
      if (q < saturatedBelow || q > saturatedAbove) saturated++;
      out[j] = q < lo ? lo : q > hi ? hi : q;
    }
  }
  cx.tally.saturated += saturated;
  return out;
}

/** Sums wider than int32: rescaled to integers, or as the reals they stand for. */
function drainWide(cx: Context, d: Drain, acc: Float64Array, channels: Channels): Int32Array | Float32Array {
  const bias = d.bias === null ? null : readInts(tile(cx, d.bias), 0, cx.scratch, 'bias');
  const multiplier = d.multiplier === null ? null : readFloats(tile(cx, d.multiplier), cx.scratch, 'multiplier');
  const { lo, hi, saturatedBelow, saturatedAbove } = integerBounds(d.out.dtype, d.lo, d.hi, d.outZero);
  const isReal = isFloat(d.out.dtype);
  const buffer = cx.scratch('drained', acc.length * 4);
  const out = isReal ? new Float32Array(buffer, 0, acc.length) : new Int32Array(buffer, 0, acc.length);
  for (let i = 0, c = 0; i < acc.length; i += channels.inner, c = c + 1 === channels.count ? 0 : c + 1) {
    const [b, scale] = [bias?.[c] ?? 0, multiplier?.[c] ?? 1];
    for (let j = i; j < i + channels.inner; j++) {
      const sum = (acc[j] ?? 0) + b;
      const y = isReal ? dequantize(sum, scale, 0) : requantize(sum, scale, d.outZero, -Infinity, Infinity);
      if (!isReal && (y < saturatedBelow || y > saturatedAbove)) cx.tally.saturated++;
      out[j] = y < lo ? lo : y > hi ? hi : y;
    }
  }
  return out;
}

function drainFloats(cx: Context, d: Drain, acc: Float32Array, channels: Channels): Float32Array {
  const bias = d.bias === null ? null : readFloats(tile(cx, d.bias), cx.scratch, 'bias');
  const { lo, hi } = d;
  const out = new Float32Array(cx.scratch('drained', acc.length * 4), 0, acc.length);
  for (let i = 0, c = 0; i < acc.length; i += channels.inner, c = c + 1 === channels.count ? 0 : c + 1) {
    const end = i + channels.inner;
    for (let j = i; j < end; j++) {
      const sum = bias === null ? (acc[j] ?? 0) : Math.fround((acc[j] ?? 0) + (bias[c] ?? 0));
      out[j] = sum < lo ? lo : sum > hi ? hi : sum;
    }
  }
  return out;
}
