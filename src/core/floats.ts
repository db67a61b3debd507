/**
 * Narrow floats: float16 and bfloat16 from doubles, the float8 family, float4e2m1. Rounded once, to nearest, ties to even.
 * Formats: OCP 8-bit floating point (E4M3, E5M2), OCP microscaling MX (E2M1, E8M0), and the "fnuz" forms without infinities and
 * negative zero whose only NaN has the bits of -0.
 */
import { bitsOf, type DType } from './dtype.ts';

interface Format {
  readonly mantissa: number;
  readonly bias: number;
  /** Bits of the largest finite magnitude. */
  readonly largest: number;
  readonly signBit: number;
  /** Bits of +Infinity; null where there is none. */
  readonly infinity: number | null;
  /** Bits of NaN; null where there is none. */
  readonly nan: number | null;
  /** No negative zero: its bits are the NaN. */
  readonly unsignedZero: boolean;
}

export type NarrowFloat = 'float16' | 'bfloat16' | 'float8e4m3fn' | 'float8e4m3fnuz' | 'float8e5m2' | 'float8e5m2fnuz' | 'float4e2m1';

const formats: Readonly<Record<NarrowFloat, Format>> = {
  float16: { mantissa: 10, bias: 15, largest: 0x7bff, signBit: 0x8000, infinity: 0x7c00, nan: 0x7e00, unsignedZero: false },
  bfloat16: { mantissa: 7, bias: 127, largest: 0x7f7f, signBit: 0x8000, infinity: 0x7f80, nan: 0x7fc0, unsignedZero: false },
  float8e4m3fn: { mantissa: 3, bias: 7, largest: 0x7e, signBit: 0x80, infinity: null, nan: 0x7f, unsignedZero: false },
  float8e4m3fnuz: { mantissa: 3, bias: 8, largest: 0x7f, signBit: 0x80, infinity: null, nan: 0x80, unsignedZero: true },
  float8e5m2: { mantissa: 2, bias: 15, largest: 0x7b, signBit: 0x80, infinity: 0x7c, nan: 0x7e, unsignedZero: false },
  float8e5m2fnuz: { mantissa: 2, bias: 16, largest: 0x7f, signBit: 0x80, infinity: null, nan: 0x80, unsignedZero: true },
  float4e2m1: { mantissa: 1, bias: 1, largest: 0x7, signBit: 0x8, infinity: null, nan: null, unsignedZero: false },
};

export function isNarrowFloat(dtype: DType): dtype is NarrowFloat {
  return Object.hasOwn(formats, dtype);
}

const word = new Float64Array(1);
const halves = new Uint32Array(word.buffer);
/** Which half of a double holds sign and exponent. */
const high: 0 | 1 = (() => {
  word[0] = 1;
  return halves[1] === 0x3ff00000 ? 1 : 0;
})();

/** Exponent of a positive normal double. */
function exponentOf(x: number): number {
  word[0] = x;
  return (((halves[high] ?? 0) >>> 20) & 0x7ff) - 1023;
}

function powerOfTwo(n: number): number {
  halves[high] = (n + 1023) << 20;
  halves[1 - high] = 0;
  return word[0] ?? 0;
}

/** Nearest integer, ties to even, of 0 <= x < 2^51. */
function roundEven(x: number): number {
  const r = Math.round(x);
  return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/**
 * The bits of x in a narrow format.
 * @param saturate  what is too large becomes the largest finite number; otherwise infinity, or NaN where there is none
 */
export function encodeFloat(format: NarrowFloat, x: number, saturate: boolean): number {
  const f = formats[format];
  // float4 knows neither infinity nor NaN: the one saturates, the other becomes -0, as in ml_dtypes (MX leaves it open).
  if (x !== x) return f.nan ?? f.signBit;
  const negative = x < 0 || Object.is(x, -0);
  const sign = negative ? f.signBit : 0;
  const a = Math.abs(x);
  const least = 1 - f.bias;
  let code: number;
  if (a === Infinity) code = f.largest + 1;
  else {
    const e = Math.max(a < 1e-300 ? least : exponentOf(a), least);
    // Scaling by a power of two is exact, so rounding to an integer is the only rounding; a carry moves into the exponent.
    const q = roundEven(a * powerOfTwo(f.mantissa - e));
    code = (e - least) * 2 ** f.mantissa + q;
  }
  if (code > f.largest) {
    if (saturate || f.nan === null) return sign | f.largest;
    return f.infinity === null ? (f.unsignedZero ? f.nan : sign | f.nan) : sign | f.infinity;
  }
  return code === 0 && f.unsignedZero ? 0 : sign | code;
}

/** The number that bits of a narrow format stand for; exact. */
export function decodeFloat(format: NarrowFloat, bits: number): number {
  const f = formats[format];
  const sign = (bits & f.signBit) !== 0 ? -1 : 1;
  const code = bits & (f.signBit - 1);
  if (f.unsignedZero && bits === f.nan) return NaN;
  if (f.infinity !== null && code === f.infinity) return sign * Infinity;
  if (code > f.largest) return NaN;
  const e = Math.floor(code / 2 ** f.mantissa);
  const fraction = code % 2 ** f.mantissa;
  const unit = powerOfTwo(Math.max(e, 1) - f.bias - f.mantissa);
  return sign * (e === 0 ? fraction : fraction + 2 ** f.mantissa) * unit;
}

export type RoundMode = 'up' | 'down' | 'nearest';

/** float8e8m0: a power of two from 2^-127 to 2^127, or NaN (0xff). No sign, no zero: zero and what is below becomes 2^-127. */
export function encodeScale(x: number, saturate: boolean, mode: RoundMode): number {
  const a = Math.abs(x);
  if (x !== x) return 255;
  if (a === Infinity) return saturate ? 254 : 255;
  if (a < 1e-300) return 0;
  const e = exponentOf(a);
  const fraction = a / powerOfTwo(Math.max(e, -1022)) - 1;
  // Half way goes up: it cannot be even or odd, the format has no mantissa.
  const up = mode === 'up' ? fraction > 0 : mode === 'down' ? false : fraction >= 0.5;
  const code = e + 127 + (up ? 1 : 0);
  if (code > 254) return saturate ? 254 : 255;
  return Math.max(0, code);
}

export function decodeScale(bits: number): number {
  return bits === 255 ? NaN : powerOfTwo(bits - 127);
}

const tables = new Map<DType, Float32Array>();

/** All numbers of a float type of 16 bits or less, by bits. */
export function floatTable(dtype: DType): Float32Array {
  let table = tables.get(dtype);
  if (table === undefined) {
    const count = 2 ** bitsOf(dtype);
    table = Float32Array.from({ length: count }, (_, bits) =>
      dtype === 'float8e8m0' ? decodeScale(bits) : isNarrowFloat(dtype) ? decodeFloat(dtype, bits) : NaN,
    );
    tables.set(dtype, table);
  }
  return table;
}
