import { expect, test } from 'vitest';
import { sharesBytes } from '../../src/isa/verify-alias.ts';
import { dense } from './fixtures.ts';

const shares = (dtype: 'int8' | 'int32', extents: readonly number[], strides: readonly number[]): boolean =>
  sharesBytes(dense(0, dtype, extents, { strides }));

test('elements of a written reference have bytes of their own', () => {
  expect(shares('int8', [2, 3, 4], [12, 4, 1])).toBe(false);
  // Rows with gaps, transposed, backwards, an axis of one element.
  expect(shares('int8', [3, 4], [10, 1])).toBe(false);
  expect(shares('int8', [3, 4], [1, 3])).toBe(false);
  expect(shares('int32', [4], [-4])).toBe(false);
  expect(shares('int32', [4, 1], [4, 0])).toBe(false);
  expect(shares('int32', [0, 4], [0, 0])).toBe(false);
});

test('elements on top of each other', () => {
  expect(shares('int8', [4], [0])).toBe(true);
  expect(shares('int32', [4], [3])).toBe(true);
  expect(shares('int8', [3, 4], [3, 1])).toBe(true);
});

test('axes that interleave are told apart element by element', () => {
  // 0 2 4 and 3 5 7.
  expect(shares('int8', [2, 3], [3, 2])).toBe(false);
  // 0 2 4 6 and 4 6 8 10.
  expect(shares('int8', [2, 4], [4, 2])).toBe(true);
});
