/**
 * Elementary functions as integer NPUs have them: a table of equal steps and a straight line between two entries. Entries are fp32, made from the exact
 * functions; what is between them is rounded after every operation. See docs/numerics.md.
 */
import { erf64, exp64, tanh64 } from './numerics.ts';

export interface TableFunctions {
  readonly exp: (x: number) => number;
  readonly sigmoid: (x: number) => number;
  readonly tanh: (x: number) => number;
  readonly erf: (x: number) => number;
  /** 1 / √x */
  readonly inverseRoot: (x: number) => number;
}

/** Steps a table may have: a power of two, so that places in it are exact. */
export const fewestTableSteps = 16;
export const mostTableSteps = 65536;

export function isTableSize(steps: number): boolean {
  return Number.isInteger(Math.log2(steps)) && steps >= fewestTableSteps && steps <= mostTableSteps;
}

const f32 = Math.fround;
const made = new Map<number, TableFunctions>();

/** @param steps  a power of two */
export function tableFunctions(steps: number): TableFunctions {
  const known = made.get(steps) ?? make(steps);
  made.set(steps, known);
  return known;
}

function make(steps: number): TableFunctions {
  const table = (f: (t: number) => number): Float32Array => Float32Array.from({ length: steps + 1 }, (_, i) => f(i / steps));
  const between = (entries: Float32Array, place: number): number => {
    const i = Math.floor(place);
    const from = entries[i] ?? 0;
    return f32(from + f32(f32(place - i) * f32((entries[i + 1] ?? from) - from)));
  };
  /** Of |x| in [0, end), `end` a power of two; 1 beyond. */
  const bounded = (entries: Float32Array, end: number, x: number): number => (x >= end ? 1 : between(entries, x * (steps / end)));

  const powers = table((t) => exp64(t * 0.6931471805599453));
  const logistic = table((t) => 1 / (1 + exp64(-16 * t)));
  const tangents = table((t) => tanh64(8 * t));
  const errors = table((t) => erf64(4 * t));
  const half = steps / 2;
  // The first half for 1 ≤ m < 2, the second for 2 ≤ m < 4.
  const roots = Float32Array.from({ length: steps + 2 }, (_, i) => {
    const at = i <= half ? 1 + i / half : 2 * (1 + (i - half - 1) / half);
    return 1 / Math.sqrt(at);
  });
  const odd = (x: number, y: number): number => (x < 0 || Object.is(x, -0) ? -y : y);

  return {
    exp(x) {
      if (x !== x) return NaN;
      const t = f32(x * f32(1.4426950408889634));
      if (t >= 128) return Infinity;
      if (t < -151) return 0;
      const n = Math.floor(t);
      return f32(between(powers, (t - n) * steps) * 2 ** n);
    },
    sigmoid(x) {
      if (x !== x) return NaN;
      const y = bounded(logistic, 16, Math.abs(x));
      return x < 0 ? f32(1 - y) : y;
    },
    tanh: (x) => (x !== x ? NaN : odd(x, bounded(tangents, 8, Math.abs(x)))),
    erf: (x) => (x !== x ? NaN : odd(x, bounded(errors, 4, Math.abs(x)))),
    inverseRoot(x) {
      if (!(x >= 0)) return NaN;
      if (x === 0) return Infinity;
      if (x === Infinity) return 0;
      const e = 2 * Math.floor(exponentOf(x) / 2);
      const m = x / 2 ** e;
      const place = m < 2 ? (m - 1) * half : half + 1 + (m / 2 - 1) * half;
      return f32(between(roots, place) * 2 ** (-e / 2));
    },
  };
}

const word = new DataView(new ArrayBuffer(4));

/** ⌊log₂ x⌋ of a positive fp32 number. */
function exponentOf(x: number): number {
  // Subnormal numbers are made normal first.
  const isSmall = x < 2 ** -126;
  word.setFloat32(0, isSmall ? x * 2 ** 32 : x);
  return (word.getUint32(0) >>> 23) - 127 - (isSmall ? 32 : 0);
}
