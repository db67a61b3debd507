/** Functions looked up in tables: within the bounds of docs/numerics.md, exact at the entries, with the special cases of the exact functions. */
import { describe, expect, it } from 'vitest';
import { erf64, exp64, isTableSize, seededRandom, tableFunctions, tanh64 } from '../../src/core/index.ts';

const f32 = Math.fround;
const sizes = [16, 256, 4096];

/** Largest error of `got` against `want` over random numbers of [lo, hi]. */
function worst(lo: number, hi: number, error: (x: number) => number): number {
  const random = seededRandom(5);
  let most = 0;
  for (let i = 0; i < 4000; i++) most = Math.max(most, error(f32(lo + (hi - lo) * random.next())));
  return most;
}

describe.each(sizes)('tables of %i steps', (steps) => {
  const t = tableFunctions(steps);
  const rounding = 2 ** -23;

  it('sigmoid, tanh and erf: half the square of the step, times a quarter of the largest curvature', () => {
    const bound = (step: number, curvature: number, beyond: number): number => (step ** 2 * curvature) / 8 + beyond + rounding;
    expect(worst(-30, 30, (x) => Math.abs(t.sigmoid(x) - 1 / (1 + exp64(-x))))).toBeLessThan(bound(16 / steps, 0.0963, 1.2e-7));
    expect(worst(-12, 12, (x) => Math.abs(t.tanh(x) - tanh64(x)))).toBeLessThan(bound(8 / steps, 0.7699, 2.3e-7));
    expect(worst(-6, 6, (x) => Math.abs(t.erf(x) - erf64(x)))).toBeLessThan(bound(4 / steps, 0.9679, 1.6e-8));
  });

  it('exp and 1/√x: relative', () => {
    expect(worst(-80, 80, (x) => Math.abs(t.exp(x) / exp64(x) - 1))).toBeLessThan((0.6932 / steps) ** 2 / 8 + 2 ** -17);
    expect(worst(-60, 60, (e) => Math.abs(t.inverseRoot(f32(2 ** e)) * Math.sqrt(f32(2 ** e)) - 1))).toBeLessThan(
      ((2 / steps) ** 2 * 0.75) / 8 + 2 ** -22,
    );
  });

  it('entries are the exact function rounded to fp32', () => {
    for (const i of [0, 1, steps / 2, steps - 1]) {
      expect(t.sigmoid((16 * i) / steps)).toBe(f32(1 / (1 + exp64((-16 * i) / steps))));
      expect(t.tanh((-8 * i) / steps)).toBe(-f32(tanh64((8 * i) / steps)));
    }
    expect([0, 1, 4, 0.25, 2 ** -149].map((x) => t.inverseRoot(x))).toEqual([Infinity, 1, 0.5, 2, f32(2 ** 74.5)]);
  });

  it('knows infinities, zero and what is no number', () => {
    expect([t.exp(Infinity), t.exp(-Infinity), t.exp(0), t.exp(NaN)]).toEqual([Infinity, 0, 1, NaN]);
    expect([t.sigmoid(Infinity), t.sigmoid(-Infinity), t.sigmoid(0), t.sigmoid(NaN)]).toEqual([1, 0, 0.5, NaN]);
    expect([t.tanh(Infinity), t.tanh(-Infinity), t.erf(-Infinity), t.erf(NaN)]).toEqual([1, -1, -1, NaN]);
    expect([t.inverseRoot(Infinity), t.inverseRoot(-1), t.inverseRoot(NaN)]).toEqual([0, NaN, NaN]);
  });
});

it('sizes are powers of two', () => {
  expect([16, 256, 65536].every(isTableSize)).toBe(true);
  expect([8, 100, 255.5, 131072].some(isTableSize)).toBe(false);
});
