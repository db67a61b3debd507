import fc from 'fast-check';
import { expect, test } from 'vitest';
import { objectiveOf, paretoFront, type Direction } from '../../src/explore/index.ts';

test('a front by hand: faster costs energy, and one point is beaten by another in both', () => {
  const rows = [
    [1, 9],
    [2, 5],
    [3, 6], // beaten by [2, 5]
    [4, 1],
    [4, 1], // equal to the one before: both stay
    [Number.NaN, 0],
  ];
  expect(paretoFront(rows, ['min', 'min'])).toEqual([0, 1, 3, 4]);
  expect(paretoFront(rows, ['min', 'max'])).toEqual([0]);
});

test('utilization is better when larger, time when smaller', () => {
  expect(objectiveOf('macUtilization').direction).toBe('max');
  expect(objectiveOf('seconds').direction).toBe('min');
});

test('the front is exactly the set of points that no other point beats', () => {
  const direction = fc.constantFrom<Direction>('min', 'max');
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }).chain((n) =>
        fc.record({
          directions: fc.array(direction, { minLength: n, maxLength: n }),
          rows: fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: n, maxLength: n }), { maxLength: 25 }),
        }),
      ),
      ({ directions, rows }) => {
        const asGood = (a: number, b: number, d: Direction): boolean => (d === 'min' ? a <= b : a >= b);
        const beats = (a: readonly number[], b: readonly number[]): boolean =>
          a.every((x, i) => asGood(x, b[i] ?? 0, directions[i] ?? 'min')) && a.some((x, i) => x !== b[i]);
        const expected = [...rows.keys()].filter((i) => !rows.some((other) => beats(other, rows[i] ?? [])));
        expect(paretoFront(rows, directions)).toEqual(expected);
      },
    ),
  );
});
