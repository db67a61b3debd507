/** Numbers as the machine makes them: specified in docs/numerics.md, identical on every platform. */

/** Nearest integer, ties to even. Exact for |x| < 2^51. */
export function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

export function clamp(x: number, lo: number, hi: number): number {
  return x < lo ? lo : x > hi ? hi : x;
}

/**
 * Requantization: int32 accumulator -> integer of the output type.
 * q = clamp(roundHalfEven(f32(f32(acc) * multiplier)) + zeroPoint, lo, hi), multiplier an fp32 value.
 */
export function requantize(acc: number, multiplier: number, zeroPoint: number, lo: number, hi: number): number {
  return clamp(roundHalfEven(Math.fround(Math.fround(acc) * multiplier)) + zeroPoint, lo, hi);
}

/** x -> integer: clamp(roundHalfEven(f32(x / scale)) + zeroPoint, lo, hi). NaN gives lo. */
export function quantize(x: number, scale: number, zeroPoint: number, lo: number, hi: number): number {
  const q = roundHalfEven(Math.fround(x / scale)) + zeroPoint;
  return q >= lo ? (q > hi ? hi : q) : lo;
}

/** q -> fp32: f32((q - zeroPoint) * scale). */
export function dequantize(q: number, scale: number, zeroPoint: number): number {
  return Math.fround((q - zeroPoint) * scale);
}
