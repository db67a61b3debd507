import { expect, test } from 'vitest';
import {
  bfloat16FromFloat32,
  erf32,
  exp32,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  log32,
  pow32,
  quantize,
  requantize,
  roundHalfEven,
  seededRandom,
  sigmoid32,
  tanh32,
} from '../../src/core/index.ts';

/** Distance of `got` from the real number `want`, in units in the last place of fp32 at `want`. */
function ulps(got: number, want: number): number {
  if (Object.is(got, want) || got === want) return 0;
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(want))));
  return Math.abs(got - want) / 2 ** (exponent - 23);
}

/** fp32 numbers spread over [lo, hi]. */
function samples(lo: number, hi: number, count: number): number[] {
  const random = seededRandom(7);
  return Array.from({ length: count }, () => Math.fround(lo + random.next() * (hi - lo)));
}

/** erf as an integral, which shares nothing with our series. */
function erfReference(x: number): number {
  // Simpson's rule on 2/√π e^(-t²) with 2000 steps: error below 1e-13 on [0, 4].
  const n = 2000;
  const h = x / n;
  let sum = 1 + Math.exp(-x * x);
  for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-((i * h) ** 2));
  return ((2 / Math.sqrt(Math.PI)) * (sum * h)) / 3;
}

// The bound promised in docs/numerics.md is 0.5 + 2^-20 ulp; the reference functions are good to about an ulp of a double.
const bound = 0.5 + 2 ** -20;

test.each([
  ['exp', exp32, Math.exp, samples(-103, 88.7, 200_000)],
  ['exp near 0', exp32, Math.exp, samples(-1e-3, 1e-3, 20_000)],
  ['log', log32, Math.log, samples(1e-6, 1e6, 100_000)],
  ['log near 1', log32, Math.log, samples(0.99, 1.01, 100_000)],
  ['tanh', tanh32, Math.tanh, samples(-12, 12, 200_000)],
  ['tanh near 0', tanh32, Math.tanh, samples(-0.01, 0.01, 100_000)],
  ['sigmoid', sigmoid32, (x: number) => 1 / (1 + Math.exp(-x)), samples(-80, 80, 100_000)],
] as const)('%s is within 0.5 + 2^-20 ulp', (_, ours, reference, xs) => {
  let worst = 0;
  for (const x of xs) worst = Math.max(worst, ulps(ours(x), reference(x)));
  expect(worst).toBeLessThanOrEqual(bound);
});

test('erf is within 0.5 + 2^-10 ulp of an integral', () => {
  // Simpson's rule is the less exact of the two near 0, hence the looser bound.
  for (const x of samples(0.05, 4, 2_000)) expect(ulps(erf32(x), erfReference(x))).toBeLessThanOrEqual(0.5 + 2 ** -10);
  expect(erf32(-0.5)).toBe(-erf32(0.5));
  expect(erf32(5)).toBe(1);
});

test('pow is exact where it can be, and within its bound elsewhere', () => {
  expect([pow32(3, 4), pow32(2, -3), pow32(-2, 3), pow32(-2, 4), pow32(1.5, 2), pow32(9, 0.5)]).toEqual([81, 0.125, -8, 16, 2.25, 3]);
  const random = seededRandom(1);
  for (let i = 0; i < 50_000; i++) {
    const x = Math.fround(random.next() * 50 + 1e-3);
    const y = Math.fround(random.next() * 20 - 10);
    const want = x ** y;
    if (want > 1e-37 && want < 1e38) expect(ulps(pow32(x, y), want)).toBeLessThanOrEqual(bound);
  }
});

test('pow keeps the special cases of IEEE 754', () => {
  const cases: [number, number][] = [];
  const special = [0, -0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, Infinity, -Infinity, NaN];
  for (const x of special) for (const y of special) cases.push([x, y]);
  for (const [x, y] of cases) {
    // JavaScript departs from IEEE in one place: 1 ** ±Infinity and 1 ** NaN are NaN there, and so is (-1) ** ±Infinity.
    const want = x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.fround(x ** y);
    expect(Object.is(pow32(x, y), want), `${x} ** ${y} gave ${pow32(x, y)}, not ${want}`).toBe(true);
  }
});

test('ends of the range', () => {
  expect([exp32(-Infinity), exp32(Infinity), exp32(0), exp32(89), exp32(-104)]).toEqual([0, Infinity, 1, Infinity, 0]);
  expect([log32(0), log32(1), log32(Infinity)]).toEqual([-Infinity, 0, Infinity]);
  expect([log32(-1), exp32(NaN), tanh32(NaN), erf32(NaN), sigmoid32(NaN)].every(Number.isNaN)).toBe(true);
  expect(log32(2 ** -149)).toBe(Math.fround(-149 * Math.LN2));
});

test('every float16 survives the way to fp32 and back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const x = float32FromFloat16(bits);
    if (Number.isNaN(x)) expect(Number.isNaN(float32FromFloat16(float16FromFloat32(x)))).toBe(true);
    else if (float16FromFloat32(x) !== bits) expect.unreachable(`${bits} came back as ${float16FromFloat32(x)}`);
  }
});

test('fp32 to float16 takes the nearest, ties to even, by search', () => {
  const finite = Array.from({ length: 0x7c00 }, (_, i) => float32FromFloat16(i));
  const nearest = (x: number): number => {
    let lo = 0;
    let hi = finite.length - 1;
    while (hi - lo > 1) {
      const mid = (lo + hi) >> 1;
      if ((finite[mid] ?? 0) <= x) lo = mid;
      else hi = mid;
    }
    const below = x - (finite[lo] ?? 0);
    const above = (finite[hi] ?? 0) - x;
    return below < above || (below === above && lo % 2 === 0) ? lo : hi;
  };
  for (const x of [
    ...samples(0, 65000, 5_000),
    ...samples(0, 1e-4, 5_000),
    ...finite.slice(0, 2000).map((v, i) => (v + (finite[i + 1] ?? 0)) / 2),
  ]) {
    expect(float16FromFloat32(x)).toBe(nearest(x));
  }
  expect([float16FromFloat32(65519.99), float16FromFloat32(65520), float16FromFloat32(-Infinity)]).toEqual([0x7bff, 0x7c00, 0xfc00]);
});

test('bfloat16 rounds ties to even', () => {
  expect(bfloat16FromFloat32(1)).toBe(0x3f80);
  // 1 + 2^-8 lies half way between 0x3f80 and 0x3f81; 1 + 3·2^-8 between 0x3f81 and 0x3f82.
  expect(bfloat16FromFloat32(1 + 2 ** -8)).toBe(0x3f80);
  expect(bfloat16FromFloat32(1 + 3 * 2 ** -8)).toBe(0x3f82);
  expect(float32FromBfloat16(0xc000)).toBe(-2);
  expect(float32FromBfloat16(bfloat16FromFloat32(NaN))).toBeNaN();
});

test('rounding and requantization, by hand', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5].map(roundHalfEven).map((x) => x + 0)).toEqual([0, 2, 2, 0, -2, -2]);
  // fp32 0.0125 is a little more, but f32(1000 · 0.0125) is 12.5 exactly, which rounds to 12; plus zero point 3.
  expect(requantize(1000, Math.fround(0.0125), 3, -128, 127)).toBe(15);
  expect(requantize(1_000_000, 1, 0, -128, 127)).toBe(127);
  expect([quantize(0.25, 0.5, 10, -128, 127), quantize(NaN, 1, 0, -128, 127)]).toEqual([10, -128]);
});
