import { expect, it } from 'vitest';
import { twister } from '../../src/core/index.ts';

it('is the Mersenne Twister: the first numbers of its seeds, as numpy prints them', () => {
  const next = twister(0);
  expect([next(), next(), next()].map((x) => x.toFixed(8))).toEqual(['0.54881350', '0.71518937', '0.60276338']);
  const other = twister(42);
  expect([other(), other()].map((x) => x.toFixed(8))).toEqual(['0.37454012', '0.95071431']);
});

it('goes on behind its 624 words', () => {
  const next = twister(1);
  const numbers = Array.from({ length: 5000 }, next);
  expect(new Set(numbers).size).toBe(5000);
  expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true);
  expect(numbers.reduce((sum, x) => sum + x, 0) / 5000).toBeCloseTo(0.5, 1);
});
