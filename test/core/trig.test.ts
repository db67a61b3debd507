import { expect, test } from 'vitest';
import {
  acos64,
  acosh64,
  asin64,
  asinh64,
  atan64,
  atanh64,
  cos64,
  cosh64,
  exp64,
  log1p64,
  log64,
  seededRandom,
  sin64,
  sinh64,
  tan64,
} from '../../src/core/index.ts';

function samples(lo: number, hi: number, count: number): number[] {
  const random = seededRandom(11);
  return Array.from({ length: count }, () => lo + random.next() * (hi - lo));
}

// The reference is good to about an ulp of a double, 2^-52; ours promises 2^-44.
test.each<[string, (x: number) => number, (x: number) => number, readonly number[]]>([
  ['sin', sin64, Math.sin, [...samples(-10, 10, 5000), ...samples(-1e6, 1e6, 5000)]],
  ['cos', cos64, Math.cos, samples(-10, 10, 5000)],
  ['tan', tan64, Math.tan, samples(-10, 10, 5000)],
  ['asin', asin64, Math.asin, [...samples(-1, 1, 5000), ...samples(-1e-6, 1e-6, 100)]],
  ['acos', acos64, Math.acos, samples(-1, 1, 5000)],
  ['atan', atan64, Math.atan, [...samples(-3, 3, 5000), ...samples(-1e9, 1e9, 100)]],
  ['sinh', sinh64, Math.sinh, [...samples(-2, 2, 5000), ...samples(-700, 700, 500)]],
  ['cosh', cosh64, Math.cosh, [...samples(-2, 2, 5000), ...samples(-700, 700, 500)]],
  ['asinh', asinh64, Math.asinh, [...samples(-2, 2, 5000), ...samples(-1e12, 1e12, 100)]],
  ['acosh', acosh64, Math.acosh, [...samples(1, 3, 5000), ...samples(1, 1e12, 100)]],
  ['atanh', atanh64, Math.atanh, samples(-0.999, 0.999, 5000)],
  ['exp', exp64, Math.exp, samples(-708, 709, 5000)],
  ['log1p', log1p64, Math.log1p, [...samples(-0.9, 3, 5000), ...samples(-1e-9, 1e-9, 100)]],
])('%s has a relative error below 2^-44', (_, ours, reference, xs) => {
  for (const x of xs) {
    const want = reference(x);
    // Near a zero of sin, cos and tan that is no zero of the argument, the absolute error counts.
    expect(Math.abs(ours(x) - want), `at ${x}`).toBeLessThanOrEqual(2 ** -44 * Math.max(Math.abs(want), Math.abs(want) < 1e-3 ? 1e-3 : 0));
  }
});

test('arguments far beyond 2^20 are reduced by as many digits of π as they need', () => {
  // Known values (Muller, Handbook of Floating-Point Arithmetic): 6381956970095103 · 2^797 lies closest to a multiple of π/2.
  expect(sin64(1e22)).toBeCloseTo(-0.8522008497671888, 14);
  expect(cos64(6381956970095103 * 2 ** 797)).toBeCloseTo(-4.687165924254628e-19, 30);
});

test('special cases', () => {
  expect([sin64(-0), atan64(-0), asinh64(-0), atanh64(-0), sinh64(-0)].every((v) => Object.is(v, -0))).toBe(true);
  expect([sin64(Infinity), tan64(NaN), asin64(1.01), acos64(-1.01), acosh64(0.99), atanh64(2)].every(Number.isNaN)).toBe(true);
  expect([asin64(1), acos64(-1), acos64(1), atan64(Infinity), atanh64(1), cosh64(Infinity), sinh64(-Infinity)]).toEqual([
    Math.PI / 2,
    Math.PI,
    0,
    Math.PI / 2,
    Infinity,
    Infinity,
    -Infinity,
  ]);
  // The smallest subnormal double.
  expect(log64(5e-324)).toBeCloseTo(-744.4400719213812, 10);
  expect([exp64(710), exp64(-746)]).toEqual([Infinity, 0]);
});
