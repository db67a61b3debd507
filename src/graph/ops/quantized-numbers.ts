/** Integers that stand for real numbers, as the QLinear operators take them: with scales and zero points as inputs. */
import { elementCount, integerRange, quantize, requantize, type DType, type Tensor } from '../../core/index.ts';
import { broadcastRows } from './broadcast.ts';
import { allocate, floatsOf, numbersOf, tensorOf } from './numbers.ts';

const round = Math.fround;

/** x - zeroPoint, exact; a missing zero point is 0. `zeroShape`: the shape of the zero point as it broadcasts to x. */
export function centred(x: Tensor, zero: Tensor | null, zeroShape: readonly number[] = zero?.shape ?? []): Int16Array {
  const source = numbersOf(x);
  if (zero === null) return Int16Array.from(source);
  const zeros = numbersOf(zero);
  const out = new Int16Array(source.length);
  if (zeros.length === 1) {
    const [z = 0] = zeros;
    for (let i = 0; i < out.length; i++) out[i] = (source[i] ?? 0) - z;
    return out;
  }
  const loop = broadcastRows(x.shape, [zeroShape]);
  const step = loop.step[0] ?? 0;
  for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
    let from = loop.base[0]?.[r] ?? 0;
    for (let n = 0; n < loop.length; n++, at++, from += step) out[at] = (source[at] ?? 0) - (zeros[from] ?? 0);
  }
  return out;
}

/** real = f32((q - zeroPoint) · scale), one scale and zero point for all. */
export function dequantized(x: Tensor, scale: Tensor, zero: Tensor | null): Tensor {
  const s = floatsOf(scale)[0] ?? 1;
  const z = zero === null ? 0 : (numbersOf(zero)[0] ?? 0);
  const source = numbersOf(x);
  const out = new Float32Array(source.length);
  for (let i = 0; i < out.length; i++) out[i] = ((source[i] ?? 0) - z) * s;
  return tensorOf('float32', x.shape, out);
}

/** q = clamp(roundHalfEven(f32(real / scale)) + zeroPoint), one scale and zero point for all. */
export function quantized(x: Tensor, scale: Tensor, zero: Tensor | null, dtype: DType): Tensor {
  const s = floatsOf(scale)[0] ?? 1;
  const z = zero === null ? 0 : (numbersOf(zero)[0] ?? 0);
  const [lo, hi] = integerRange(dtype);
  const source = floatsOf(x);
  const out = allocate(dtype, source.length);
  for (let i = 0; i < out.length; i++) out[i] = quantize(source[i] ?? 0, s, z, lo, hi);
  return tensorOf(dtype, x.shape, out);
}

export interface Requantization {
  /** Scales of the operands: one, or one for each index along `channelStep`. */
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly scale: number;
  readonly zeroPoint: number;
  /** Which scale of `left` and of `right` belongs to element i. */
  readonly leftAt: (i: number) => number;
  readonly rightAt: (i: number) => number;
}

/** int32 sums -> integers: clamp(roundHalfEven(f32(sum · f32(f32(left · right) / scale))) + zeroPoint). */
export function requantized(sums: Int32Array, shape: readonly number[], dtype: DType, rule: Requantization): Tensor {
  const [lo, hi] = integerRange(dtype);
  const out = allocate(dtype, elementCount(shape));
  for (let i = 0; i < out.length; i++) {
    const factor = round(round((rule.left[rule.leftAt(i)] ?? 1) * (rule.right[rule.rightAt(i)] ?? 1)) / rule.scale);
    out[i] = requantize(sums[i] ?? 0, factor, rule.zeroPoint, lo, hi);
  }
  return tensorOf(dtype, shape, out);
}
