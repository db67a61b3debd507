/**
 * Rescaling of integer-only engines: a 31-bit multiplier and a shift, as gemmlowp and TensorFlow Lite define them (gemmlowp
 * fixedpoint/fixedpoint.h: SaturatingRoundingDoublingHighMul, RoundingDivideByPOT; tensorflow/lite/kernels/internal/quantization_util.cc:
 * QuantizeMultiplier; common.h: MultiplyByQuantizedMultiplier).
 */
import { clamp } from './numerics.ts';

export interface FixedPoint {
  /** 0, or from 2^30 to 2^31 - 1. */
  readonly multiplier: number;
  /** Positive: to the left. -31 to 30. */
  readonly shift: number;
}

/** x = multiplier · 2^(shift - 31), x not negative; half a unit of the multiplier rounds up. Too small gives 0, too large the largest. */
export function fixedPointOf(x: number): FixedPoint {
  if (!(x > 0)) return { multiplier: 0, shift: 0 };
  if (x === Infinity) return { multiplier: 2147483647, shift: 30 };
  let fraction = x;
  let shift = 0;
  // Powers of two: exact.
  for (; fraction >= 1; shift++) fraction /= 2;
  for (; fraction < 0.5; shift--) fraction *= 2;
  let multiplier = Math.floor(fraction * 2147483648 + 0.5);
  if (multiplier === 2147483648) {
    multiplier /= 2;
    shift++;
  }
  if (shift < -31) return { multiplier: 0, shift: 0 };
  return shift > 30 ? { multiplier: 2147483647, shift: 30 } : { multiplier, shift };
}

/** round(a · b / 2^31), halves up; a any int32, b from 0 to 2^31 - 1. Sums of 16-bit parts keep every step exact in doubles. */
function highProduct(a: number, b: number): number {
  const high = (a >> 16) * b;
  const low = (a & 0xffff) * b;
  const whole = Math.floor(high / 32768);
  const rest = (high - whole * 32768) * 65536 + low;
  const carried = Math.floor(rest / 2147483648);
  return whole + carried + (rest - carried * 2147483648 >= 1073741824 ? 1 : 0);
}

/** round(x / 2^n), halves away from zero. */
function divideByPowerOfTwo(x: number, n: number): number {
  const unit = 2 ** n;
  const floor = Math.floor(x / unit);
  const rest = x - floor * unit;
  const threshold = Math.floor((unit - 1) / 2) + (x < 0 ? 1 : 0);
  return floor + (rest > threshold ? 1 : 0);
}

/** acc · multiplier · 2^(shift - 31), rounded twice: high half of the product, then the shift to the right. A shift to the left wraps at int32. */
export function rescaleFixed(acc: number, multiplier: number, shift: number): number {
  const high = highProduct(shift > 0 ? acc << shift : acc | 0, multiplier);
  return shift < 0 ? divideByPowerOfTwo(high, -shift) : high;
}

/** int32 accumulator -> integer of the output type, without floating point. */
export function requantizeFixed(acc: number, m: FixedPoint, zeroPoint: number, lo: number, hi: number): number {
  return clamp(rescaleFixed(acc, m.multiplier, m.shift) + zeroPoint, lo, hi);
}
