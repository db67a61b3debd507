import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxTiles, countTiles, cutBox, mergeAxes } from '../../../src/compiler/tiling/box.ts';

const volume = (e: readonly number[]): number => e.reduce((n, d) => n * d, 1);

describe('cutting boxes', () => {
  it('merges axes that every operand walks as one', () => {
    // Dense [2, 3, 4] is 24 in a row; a per-channel operand (stride 1 on axis 1) keeps the axes apart.
    expect(mergeAxes([2, 3, 4], [[12, 4, 1]])).toEqual({ extents: [24], strides: [[1]] });
    expect(
      mergeAxes(
        [2, 3, 4],
        [
          [12, 4, 1],
          [0, 1, 0],
        ],
      ),
    ).toEqual({
      extents: [2, 3, 4],
      strides: [
        [12, 4, 1],
        [0, 1, 0],
      ],
    });
    expect(mergeAxes([1, 1], [[1, 1]])).toEqual({ extents: [1], strides: [[0]] });
  });

  it('cuts one axis evenly and leaves the inner ones whole', () => {
    expect(cutBox([10, 6], 30, volume)).toEqual([5, 6]);
    expect(cutBox([10, 6], 4, volume)).toEqual([1, 3]);
    expect(cutBox([10, 6], 0, volume)).toBeNull();
  });

  it('tiles cover the box exactly once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        (extents, budget) => {
          const tile = cutBox(extents, budget, volume);
          if (tile === null) throw new Error('a single element always fits');
          const seen = new Map<string, number>();
          let tiles = 0;
          for (const t of boxTiles(extents, tile)) {
            tiles++;
            expect(volume(t.sizes)).toBeLessThanOrEqual(budget);
            const walk = (axis: number, at: readonly number[]): void => {
              if (axis === extents.length) {
                seen.set(at.join(), (seen.get(at.join()) ?? 0) + 1);
                return;
              }
              for (let i = 0; i < (t.sizes[axis] ?? 0); i++) walk(axis + 1, [...at, (t.starts[axis] ?? 0) + i]);
            };
            walk(0, []);
          }
          expect(tiles).toBe(countTiles(extents, tile));
          expect(seen.size).toBe(volume(extents));
          expect([...seen.values()].every((n) => n === 1)).toBe(true);
        },
      ),
    );
  });
});
