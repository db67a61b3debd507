/**
 * Trigonometric and hyperbolic functions in double, from + - * / and √ alone, so that they are the same on every platform.
 * Relative error below 2^-44 (away from zeros that are not exact); rounded once to fp32 they are within 0.5 + 2^-20 ulp.
 * Derivations: docs/numerics.md.
 */
import { exp64, log1p64, log64 } from './numerics.ts';

/** π/2 in three parts; the first two have 33 bits each, so that products with integers below 2^20 are exact. */
const halfPi1 = 1.5707963267341256;
const halfPi2 = 6.077100506303966e-11;
const halfPi3 = 2.0222662487959506e-21;
const halfPi = 1.5707963267948966;
const pi = 3.141592653589793;

/** sin r for |r| <= π/4: Taylor to r^19. */
function sinSmall(r: number): number {
  const z = r * r;
  let p = -1 / 121645100408832000;
  p = p * z + 1 / 355687428096000;
  p = p * z - 1 / 1307674368000;
  p = p * z + 1 / 6227020800;
  p = p * z - 1 / 39916800;
  p = p * z + 1 / 362880;
  p = p * z - 1 / 5040;
  p = p * z + 1 / 120;
  p = p * z - 1 / 6;
  return r + r * z * p;
}

/** cos r for |r| <= π/4: Taylor to r^18. */
function cosSmall(r: number): number {
  const z = r * r;
  let p = -1 / 6402373705728000;
  p = p * z + 1 / 20922789888000;
  p = p * z - 1 / 87178291200;
  p = p * z + 1 / 479001600;
  p = p * z - 1 / 3628800;
  p = p * z + 1 / 40320;
  p = p * z - 1 / 720;
  p = p * z + 1 / 24;
  p = p * z - 0.5;
  return 1 + z * p;
}

/** Bits behind the point of `bigHalfPi`: 1024 for the largest quotient, the rest for the remainder. */
const pointBits = 1200n;
let bigHalfPi: bigint | null = null;

/** atan(1/n) · 2^bits by its series, in integers. */
function inverseTangent(n: bigint, bits: bigint): bigint {
  let term = (1n << bits) / n;
  let sum = 0n;
  for (let k = 1n, sign = 1n; term > 0n; k += 2n, sign = -sign) {
    sum += (sign * term) / k;
    term /= n * n;
  }
  return sum;
}

/** x = quotient · π/2 + rest for |x| > 2^20, with π as long as it takes: x is an integer over a power of two. */
function reduceLarge(x: number): { quadrant: number; rest: number } {
  // Machin: π/4 = 4 atan(1/5) - atan(1/239); 64 bits more than needed cover the truncations.
  bigHalfPi ??= (2n * (4n * inverseTangent(5n, pointBits + 64n) - inverseTangent(239n, pointBits + 64n))) >> 64n;
  let m = x;
  let shift = 0n;
  while (m !== Math.trunc(m)) {
    m *= 2;
    shift += 1n;
  }
  const scaled = (BigInt(m) << pointBits) >> shift;
  let quotient = scaled / bigHalfPi;
  let rest = scaled - quotient * bigHalfPi;
  if (2n * rest > bigHalfPi) {
    rest -= bigHalfPi;
    quotient += 1n;
  } else if (2n * rest < -bigHalfPi) {
    rest += bigHalfPi;
    quotient -= 1n;
  }
  // 128 bits of the remainder, of which the double keeps 53.
  const small = Number(rest >> (pointBits - 128n)) / 3.402823669209385e38;
  return { quadrant: Number(((quotient % 4n) + 4n) % 4n), rest: small };
}

function reduce(x: number): { quadrant: number; rest: number } {
  if (Math.abs(x) > 1048576) return reduceLarge(x);
  const n = Math.round(x / halfPi);
  return { quadrant: ((n % 4) + 4) % 4, rest: x - n * halfPi1 - n * halfPi2 - n * halfPi3 };
}

export function sin64(x: number): number {
  if (Math.abs(x) < 0.78) return x === 0 ? x : sinSmall(x);
  if (!(Math.abs(x) < Infinity)) return NaN;
  const { quadrant, rest } = reduce(x);
  const v = quadrant % 2 === 0 ? sinSmall(rest) : cosSmall(rest);
  return quadrant < 2 ? v : -v;
}

export function cos64(x: number): number {
  if (!(Math.abs(x) < Infinity)) return NaN;
  const { quadrant, rest } = reduce(x);
  const v = quadrant % 2 === 0 ? cosSmall(rest) : sinSmall(rest);
  return quadrant === 0 || quadrant === 3 ? v : -v;
}

export function tan64(x: number): number {
  if (x === 0) return x;
  if (!(Math.abs(x) < Infinity)) return NaN;
  const { quadrant, rest } = reduce(x);
  return quadrant % 2 === 0 ? sinSmall(rest) / cosSmall(rest) : -cosSmall(rest) / sinSmall(rest);
}

/** tan(π/8), and the angle it belongs to. */
const eighth = 0.41421356237309503;
const eighthAngle = 0.39269908169872414;

/** atan x: reduced to [-tan(π/16), tan(π/16)] by atan x = π/2 - atan(1/x) and atan x = π/8 + atan((x - t) / (1 + x t)); series to y^33. */
export function atan64(x: number): number {
  if (x !== x) return x;
  const a = Math.abs(x);
  const inverted = a > 1;
  let y = inverted ? 1 / a : a;
  let angle = 0;
  // Thresholds tan(π/16) and tan(3π/16).
  if (y > 0.6681786379192989) {
    y = (y - 1) / (y + 1);
    angle = 2 * eighthAngle;
  } else if (y > 0.198912367379658) {
    y = (y - eighth) / (1 + y * eighth);
    angle = eighthAngle;
  }
  const z = y * y;
  let p = 0;
  for (let n = 33; n >= 3; n -= 2) p = (n % 4 === 1 ? 1 / n : -1 / n) + p * z;
  const small = angle + (y + y * z * p);
  const result = inverted ? halfPi - small : small;
  return x < 0 ? -result : x === 0 ? x : result;
}

export function asin64(x: number): number {
  if (!(Math.abs(x) <= 1)) return NaN;
  return Math.abs(x) === 1 ? x * halfPi : atan64(x / Math.sqrt((1 - x) * (1 + x)));
}

export function acos64(x: number): number {
  if (!(Math.abs(x) <= 1)) return NaN;
  return x === -1 ? pi : 2 * atan64(Math.sqrt((1 - x) / (1 + x)));
}

export function sinh64(x: number): number {
  const a = Math.abs(x);
  if (a < 0.5) {
    // (e^x - e^-x) would cancel: Taylor to x^15.
    const z = x * x;
    let p = 1 / 1307674368000;
    p = p * z + 1 / 6227020800;
    p = p * z + 1 / 39916800;
    p = p * z + 1 / 362880;
    p = p * z + 1 / 5040;
    p = p * z + 1 / 120;
    p = p * z + 1 / 6;
    return x + x * z * p;
  }
  if (a > 700) return (x > 0 ? 0.5 : -0.5) * exp64(a / 2) * exp64(a / 2);
  return (exp64(x) - exp64(-x)) / 2;
}

export function cosh64(x: number): number {
  const a = Math.abs(x);
  return a > 700 ? 0.5 * exp64(a / 2) * exp64(a / 2) : (exp64(a) + exp64(-a)) / 2;
}

export function asinh64(x: number): number {
  const a = Math.abs(x);
  if (!(a < Infinity)) return x;
  // Beyond 2^28 the square no longer matters: ln(2a).
  const v = a > 268435456 ? log64(a) + 0.6931471805599453 : log1p64(a + (a * a) / (1 + Math.sqrt(1 + a * a)));
  return x < 0 || Object.is(x, -0) ? -v : v;
}

export function acosh64(x: number): number {
  if (!(x >= 1)) return NaN;
  if (x > 268435456) return log64(x) + 0.6931471805599453;
  const t = x - 1;
  return log1p64(t + Math.sqrt(t * (x + 1)));
}

export function atanh64(x: number): number {
  if (!(Math.abs(x) <= 1)) return NaN;
  const a = Math.abs(x);
  const v = 0.5 * log1p64((2 * a) / (1 - a));
  return x < 0 || Object.is(x, -0) ? -v : v;
}
