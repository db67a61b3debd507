/**
 * Narrow floats to fp32 numbers and back, four at a time: float16 and bfloat16, rounded to nearest, ties to even, as core/numerics.ts does.
 * NaN is one code, without a sign: which sign an operation gives it is the processor's choice. Up to 32 bytes past the end of an array may be read and written.
 */
import { all, f32x4, get, i32, i32x4, int, loop, set, step, v128, type Code, type Local } from './code.ts';
import { define, type NewLocal, type WasmFunction } from './module.ts';

const { same } = i32x4;
const signBit = -0x80000000;

interface Lanes {
  readonly x: Local;
  readonly magnitude: Local;
}

const lanesOf = (local: NewLocal): Lanes => ({ x: local('v128'), magnitude: local('v128') });

/** fp32 numbers of float16 codes in the low halves of the lanes of `x`, whose high halves are 0. */
function decodeHalf(x: Local): Code {
  const magnitude = i32x4.shl(v128.and(get(x), same(0x7fff)), 13);
  // Rebias 15 → 127; where that was the largest exponent, infinity or NaN, the rest of the way too.
  const rebias = i32x4.add(same(0x38000000), v128.and(i32x4.gt(magnitude, same(0x0f7fffff)), same(0x38000000)));
  // Subnormal numbers as the fraction of a number from 2^-14 on, less that: never subnormal as fp32, which would be slow.
  const least = same(0x38800000);
  const subnormal = f32x4.sub(i32x4.add(magnitude, least), least);
  const number = v128.select(i32x4.lt(magnitude, same(0x00800000)), subnormal, i32x4.add(magnitude, rebias));
  return v128.or(number, i32x4.shl(v128.and(get(x), same(0x8000)), 16));
}

/** float16 codes, in whole lanes, of the fp32 numbers of `x`. */
function encodeHalf({ x, magnitude }: Lanes): Code {
  const bits = get(magnitude);
  // Rebias 127 → 15, then round off 13 bits to even; a carry moves into the exponent as it should.
  const odd = v128.and(i32x4.shr(bits, 13), same(1));
  const normal = i32x4.shr(i32x4.add(i32x4.sub(bits, same(0x38000000 - 0xfff)), odd), 13);
  // The unit of subnormal numbers is 2^-24: next to one half the sum keeps just those digits.
  const half = same(0x3f000000);
  const subnormal = i32x4.sub(f32x4.add(bits, half), half);
  const finite = v128.select(i32x4.lt(bits, same(0x38800000)), subnormal, normal);
  const bounded = v128.select(i32x4.gt(bits, same(0x477fefff)), same(0x7c00), finite);
  const signed = v128.or(bounded, i32x4.shr(v128.and(get(x), same(signBit)), 16));
  return v128.select(i32x4.gt(bits, same(0x7f800000)), same(0x7e00), signed);
}

const magnitudeOf = (x: Local): Code => v128.and(get(x), same(0x7fffffff));

/** bfloat16 codes, in the high halves of the lanes; the low halves are rubbish. */
function encodeBfloat({ x, magnitude }: Lanes): Code {
  const odd = v128.and(i32x4.shr(get(x), 16), same(1));
  const rounded = i32x4.add(i32x4.add(get(x), same(0x7fff)), odd);
  return v128.select(i32x4.gt(get(magnitude), same(0x7f800000)), same(0x7fc00000), rounded);
}

/** (from, to, count): codes as fp32 numbers. */
function decoder(name: string, decode: (x: Local) => Code): WasmFunction {
  return define(name, ['i32', 'i32', 'i32'], null, ([from, to, left], local) => {
    if (!from || !to || !left) return [];
    const x = local('v128');
    return loop(
      i32.lt(int(0), get(left)),
      set(x, v128.load16x4u(get(from))),
      v128.store(get(to), decode(x)),
      step(from, int(8)),
      step(to, int(16)),
      step(left, int(-4)),
    );
  });
}

/** (from, to, count): fp32 numbers as codes; `bytes` are those of each lane that make the code. */
function encoder(name: string, encode: (lanes: Lanes) => Code, bytes: readonly number[]): WasmFunction {
  return define(name, ['i32', 'i32', 'i32'], null, ([from, to, left], local) => {
    if (!from || !to || !left) return [];
    const [lanes, code] = [lanesOf(local), local('v128')];
    return loop(
      i32.lt(int(0), get(left)),
      set(lanes.x, v128.load(get(from))),
      set(lanes.magnitude, magnitudeOf(lanes.x)),
      set(code, encode(lanes)),
      v128.store64(get(to), v128.shuffle(get(code), get(code), bytes)),
      step(from, int(16)),
      step(to, int(8)),
      step(left, int(-4)),
    );
  });
}

/** (to, a, b, c, count), as the kernels of other steps: numbers that the narrow type holds. */
function rounder(name: string, round: (lanes: Lanes) => Code): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32'], null, ([to, a, b, c, left], local) => {
    if (!to || !a || !b || !c || !left) return [];
    const lanes = lanesOf(local);
    return loop(
      i32.lt(int(0), get(left)),
      set(lanes.x, v128.load(get(a))),
      set(lanes.magnitude, magnitudeOf(lanes.x)),
      v128.store(get(to), round(lanes)),
      step(to, int(16)),
      step(a, int(16)),
      step(left, int(-4)),
    );
  });
}

const lowHalves = [0, 1, 4, 5, 8, 9, 12, 13];
const highHalves = [2, 3, 6, 7, 10, 11, 14, 15];
const twice = (lanes: readonly number[]): readonly number[] => [...lanes, ...lanes];

export const convertFunctions: readonly WasmFunction[] = [
  decoder('halfToFloat', decodeHalf),
  decoder('bfloatToFloat', (x) => i32x4.shl(get(x), 16)),
  encoder('floatToHalf', encodeHalf, twice(lowHalves)),
  encoder('floatToBfloat', encodeBfloat, twice(highHalves)),
  rounder('toFloat16', (lanes) => all(set(lanes.x, encodeHalf(lanes)), decodeHalf(lanes.x))),
  rounder('toBfloat16', (lanes) => v128.and(encodeBfloat(lanes), same(-0x10000))),
];
