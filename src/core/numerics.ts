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

/*
 * Elementary functions. JavaScript leaves the last bits of its own Math functions to the implementation; these use only
 * + - * /, square root and exact bit operations on IEEE doubles, so their results are the same everywhere. Each computes in
 * double with a relative error below 2^-44 and rounds once to fp32: error at most 0.5 + 2^-20 ulp of the fp32 result.
 * Derivations and tables: docs/numerics.md.
 */

const word = new Float64Array(1);
const halves = new Uint32Array(word.buffer);
/** Which half of a double holds sign and exponent: 1 on little-endian machines. */
const high: 0 | 1 = (() => {
  word[0] = 1;
  return halves[1] === 0x3ff00000 ? 1 : 0;
})();

/** 2^n as a double for -1022 <= n <= 1023. */
function powerOfTwo(n: number): number {
  halves[high] = (n + 1023) << 20;
  halves[1 - high] = 0;
  return word[0] ?? 0;
}

const log2e = 1.4426950408889634;
/** ln 2 in two parts: the first has 21 trailing zero bits, so that n * ln2High is exact for |n| < 2^20. */
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;

/** e^x in double, relative error below 2^-49 where the result is not subnormal. */
export function exp64(x: number): number {
  if (x !== x) return x;
  // Beyond 700 the power of two no longer fits; the square of half the exponent does.
  if (x > 700) return x > 710 ? Infinity : exp64(x / 2) * exp64(x / 2);
  if (x < -700) return x < -746 ? 0 : exp64(x / 2) * exp64(x / 2);
  const n = roundHalfEven(x * log2e);
  const r = x - n * ln2High - n * ln2Low;
  // Taylor to r^13 by Horner; |r| <= ln(2) / 2, the rest is below 2^-57.
  let p = 1 / 6227020800;
  p = p * r + 1 / 479001600;
  p = p * r + 1 / 39916800;
  p = p * r + 1 / 3628800;
  p = p * r + 1 / 362880;
  p = p * r + 1 / 40320;
  p = p * r + 1 / 5040;
  p = p * r + 1 / 720;
  p = p * r + 1 / 120;
  p = p * r + 1 / 24;
  p = p * r + 1 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  return p * powerOfTwo(n);
}

/** Natural logarithm of a positive finite double that is not subnormal; absolute error below 2^-50 · max(1, |ln x|). */
function logDouble(x: number): number {
  word[0] = x;
  const top = halves[high] ?? 0;
  let e = ((top >>> 20) & 0x7ff) - 1023;
  halves[high] = (top & 0xfffff) | 0x3ff00000;
  let m = word[0] ?? 1;
  if (m > 1.4142135623730951) {
    m = m / 2;
    e = e + 1;
  }
  // ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716: odd series to s^21.
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let p = 1 / 21;
  p = p * z + 1 / 19;
  p = p * z + 1 / 17;
  p = p * z + 1 / 15;
  p = p * z + 1 / 13;
  p = p * z + 1 / 11;
  p = p * z + 1 / 9;
  p = p * z + 1 / 7;
  p = p * z + 1 / 5;
  p = p * z + 1 / 3;
  const logM = 2 * s + 2 * s * z * p;
  return e * ln2High + (e * ln2Low + logM);
}

/** ln x in double; NaN below zero, -Infinity at zero. Absolute error below 2^-50 · max(1, |ln x|). */
export function log64(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  // A subnormal times 2^54 is normal.
  return x < 2.2250738585072014e-308 ? logDouble(x * 18014398509481984) - 54 * (ln2High + ln2Low) : logDouble(x);
}

/** ln(1 + x) in double, without the cancellation near 0. */
export function log1p64(x: number): number {
  if (!(Math.abs(x) < 0.4)) return log64(1 + x);
  // 2 artanh(x / (2 + x)), the argument below 0.25 in size: odd series to s^29.
  const s = x / (2 + x);
  const z = s * s;
  let p = 1 / 29;
  for (let n = 27; n >= 3; n -= 2) p = p * z + 1 / n;
  return 2 * s + 2 * s * z * p;
}

/** e^x as fp32. */
export function exp32(x: number): number {
  return Math.fround(exp64(x));
}

/** ln x as fp32; NaN below zero, -Infinity at zero. */
export function log32(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  return Math.fround(logDouble(x));
}

/** tanh x as fp32. */
export function tanh32(x: number): number {
  return Math.fround(tanh64(x));
}

/** tanh x in double, relative error below 2^-44. */
export function tanh64(x: number): number {
  const a = Math.abs(x);
  // Below 2^-7 the quotient would cancel; the series x - x^3/3 + 2x^5/15 - 17x^7/315 is exact to 2^-58 there.
  if (a < 0.0078125) {
    const z = x * x;
    return x + x * z * (-1 / 3 + z * (2 / 15 + z * (-17 / 315)));
  }
  if (a > 20) return x > 0 ? 1 : -1;
  const e = exp64(2 * x);
  return (e - 1) / (e + 1);
}

/** 1 / (1 + e^-x) as fp32. */
export function sigmoid32(x: number): number {
  return Math.fround(1 / (1 + exp64(-x)));
}

const twoOverRootPi = 1.1283791670955126;

/** erf x as fp32. */
export function erf32(x: number): number {
  return Math.fround(erf64(x));
}

/** erf x in double: 2/√π · e^(-x²) · Σ 2^n x^(2n+1) / (2n+1)!!, all terms of one sign (Abramowitz and Stegun 7.1.6). */
export function erf64(x: number): number {
  const a = Math.abs(x);
  // 1 - erf(6) < 2^-55.
  if (a > 6) return x > 0 ? 1 : -1;
  if (x !== x) return x;
  const z = 2 * x * x;
  let term = x;
  let sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term = (term * z) / n;
    sum = sum + term;
  }
  return twoOverRootPi * exp64(-x * x) * sum;
}

/** x^y as fp32, with the special cases of IEEE 754 pow, of fp32 operands. */
export function pow32(x: number, y: number): number {
  return Math.fround(pow64(x, y));
}

/** x^y in double, with the special cases of IEEE 754 pow; relative error below 2^-42 · max(1, |y ln x|). */
export function pow64(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (x !== x || y !== y) return NaN;
  if (y === 1) return x;
  if (y === 2) return x * x;
  if (y === -1) return 1 / x;
  // As pow has it: the root of -0 is 0, that of -Infinity Infinity.
  if (y === 0.5) return x === -Infinity ? Infinity : Math.sqrt(x + 0);
  const odd = Math.abs(y) < 9007199254740992 && Math.abs(y % 2) === 1;
  const negative = x < 0 || Object.is(x, -0);
  const a = Math.abs(x);
  if (a === 1 && Math.abs(y) === Infinity) return 1;
  if (x < 0 && x !== -Infinity && Math.abs(y) !== Infinity && y !== Math.trunc(y)) return NaN;
  let size: number;
  if (Math.abs(y) === Infinity) size = a > 1 === y > 0 ? Infinity : 0;
  else if (a === 0) size = y > 0 ? 0 : Infinity;
  else if (a === Infinity) size = y > 0 ? Infinity : 0;
  else size = exp64(y * log64(a));
  return negative && odd ? -size : size;
}

/** x^y of an integer x, cut towards zero: its low 32 bits, as int32. Exact for whole y; 0 where it is no number, or x is 0 and y negative. */
export function powInt32(x: number, y: number): number {
  if (y !== Math.trunc(y) || Math.abs(y) === Infinity) return pow64(x, y) | 0;
  if (y < 0) return Math.abs(x) === 1 ? (y % 2 === 0 ? 1 : x) : 0;
  let result = 1;
  for (let base = x | 0, rest = y; rest > 0; rest = Math.floor(rest / 2), base = Math.imul(base, base)) {
    if (rest % 2 === 1) result = Math.imul(result, base);
  }
  return result;
}

/** √x as fp32: IEEE square root in double, rounded once more (exact: 53 >= 2 · 24 + 2 bits). */
export function sqrt32(x: number): number {
  return Math.fround(Math.sqrt(x));
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** fp32 -> IEEE binary16 bits, ties to even; overflow gives infinity, NaN the quiet NaN without a sign. */
export function float16FromFloat32(x: number): number {
  single[0] = x;
  const b = singleBits[0] ?? 0;
  const sign = (b >>> 16) & 0x8000;
  const magnitude = b & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: the unit is 2^-24; scaling by it is exact, so rounding to an integer is the only rounding.
    return sign | roundHalfEven(Math.abs(x) * 16777216);
  }
  // Rebias 127 -> 15, then round off 13 bits to even; a carry moves into the exponent as it should.
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** IEEE binary16 bits -> fp32, exact. */
export function float32FromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const e = (bits >>> 10) & 0x1f;
  const f = bits & 0x3ff;
  if (e === 31) return f === 0 ? sign * Infinity : NaN;
  if (e === 0) return sign * f * 5.960464477539063e-8;
  return sign * (f + 1024) * powerOfTwo(e - 25);
}

/** fp32 -> bfloat16 bits, ties to even; NaN is the quiet NaN without a sign. */
export function bfloat16FromFloat32(x: number): number {
  single[0] = x;
  const b = singleBits[0] ?? 0;
  if ((b & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16) & 0xffff;
}

/** bfloat16 bits -> fp32, exact. */
export function float32FromBfloat16(bits: number): number {
  singleBits[0] = bits << 16;
  return single[0] ?? 0;
}
