/** Floats of 8 bits by their definitions (OCP 8-bit floating point, and the "fnuz" forms), written anew: tables of all their numbers. */
import type { DType } from '../../src/core/index.ts';

interface Format {
  /** Bits of the significand behind the point, and what is taken off the exponent. */
  readonly fraction: number;
  readonly bias: number;
  /** The only NaN has the bits of −0, and there are no infinities. */
  readonly unsignedZero: boolean;
  /** Codes from here on, without their sign, are no finite numbers. */
  readonly end: number;
  readonly infinity: boolean;
}

const formats: Readonly<Partial<Record<DType, Format>>> = {
  float8e4m3fn: { fraction: 3, bias: 7, unsignedZero: false, end: 127, infinity: false },
  float8e4m3fnuz: { fraction: 3, bias: 8, unsignedZero: true, end: 128, infinity: false },
  float8e5m2: { fraction: 2, bias: 15, unsignedZero: false, end: 124, infinity: true },
  float8e5m2fnuz: { fraction: 2, bias: 16, unsignedZero: true, end: 128, infinity: false },
};

export function isFloat8(dtype: DType): boolean {
  return formats[dtype] !== undefined;
}

function formatOf(dtype: DType): Format {
  const format = formats[dtype];
  if (format === undefined) throw new Error(`${dtype} is no float of 8 bits`);
  return format;
}

export function float8(dtype: DType, bits: number): number {
  const { fraction, bias, unsignedZero, end, infinity } = formatOf(dtype);
  if (unsignedZero && bits === 128) return NaN;
  const [sign, code] = [bits >> 7 === 1 ? -1 : 1, bits & 127];
  if (code >= end) return infinity && code === end ? sign * Infinity : NaN;
  const [exponent, significand] = [code >> fraction, (code & ((1 << fraction) - 1)) / 2 ** fraction];
  return sign * (exponent === 0 ? significand * 2 ** (1 - bias) : (1 + significand) * 2 ** (exponent - bias));
}

/** The nearest of all, of two the one with an even code; too large ones become the largest. */
export function nearestFloat8(dtype: DType, x: number): number {
  if (Number.isNaN(x)) return NaN;
  const { end, unsignedZero } = formatOf(dtype);
  const size = Math.min(float8(dtype, Math.min(end, 128) - 1), Math.abs(x));
  const off = (bits: number): number => Math.abs(float8(dtype, bits) - size);
  const finite = Array.from({ length: end }, (_, bits) => bits);
  const best = float8(
    dtype,
    finite.reduce((a, c) => (off(c) < off(a) || (off(c) === off(a) && c % 2 === 0) ? c : a), 0),
  );
  return (Object.is(x, -0) || x < 0) && !(unsignedZero && best === 0) ? -best : best;
}
