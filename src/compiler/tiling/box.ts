/** Cutting an n-d box for kernels without reduction: elementwise, moves. */
import type { Random } from '../../core/index.ts';

/** Merges neighbouring axes that all operands walk as one. `strides[o][axis]`. */
export function mergeAxes(
  extents: readonly number[],
  strides: readonly (readonly number[])[],
): { readonly extents: number[]; readonly strides: number[][] } {
  const outExtents: number[] = [];
  const outStrides: number[][] = strides.map(() => []);
  for (let axis = 0; axis < extents.length; axis++) {
    const extent = extents[axis] as number;
    if (extent === 1) continue;
    const last = outExtents.length - 1;
    const mergeable = last >= 0 && strides.every((s, o) => (outStrides[o] as number[])[last] === (s[axis] as number) * extent);
    if (mergeable) {
      outExtents[last] = (outExtents[last] as number) * extent;
      strides.forEach((s, o) => ((outStrides[o] as number[])[last] = s[axis] as number));
    } else {
      outExtents.push(extent);
      strides.forEach((s, o) => (outStrides[o] as number[]).push(s[axis] as number));
    }
  }
  if (outExtents.length === 0) {
    outExtents.push(extents.some((e) => e === 0) ? 0 : 1);
    outStrides.forEach((s) => s.push(0));
  }
  return { extents: outExtents, strides: outStrides };
}

/**
 * The largest tile that `cost` allows: inner axes whole, one axis cut evenly, outer axes one at a time.
 * @param cost   bytes of a tile of these extents; monotonic
 * @returns null when a single element costs more than `budget`
 */
export function cutBox(extents: readonly number[], budget: number, cost: (tile: readonly number[]) => number): number[] | null {
  const tile = extents.map(() => 1);
  if (cost(tile) > budget) return null;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    const extent = extents[axis] as number;
    tile[axis] = extent;
    if (cost(tile) <= budget) continue;
    let lo = 1;
    let hi = extent;
    while (hi - lo > 1) {
      const mid = (lo + hi) >> 1;
      tile[axis] = mid;
      if (cost(tile) <= budget) lo = mid;
      else hi = mid;
    }
    // Even parts: the same number of cuts with the smallest largest part.
    tile[axis] = Math.ceil(extent / Math.ceil(extent / lo));
    return tile;
  }
  return tile;
}

export interface BoxTile {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
}

/** Row-major walk over the tiles of a box. */
export function* boxTiles(extents: readonly number[], tile: readonly number[]): Generator<BoxTile> {
  if (extents.some((e) => e === 0)) return;
  const starts = extents.map(() => 0);
  for (;;) {
    yield { starts: [...starts], sizes: starts.map((s, i) => Math.min(tile[i] as number, (extents[i] as number) - s)) };
    let axis = extents.length - 1;
    for (; axis >= 0; axis--) {
      starts[axis] = (starts[axis] as number) + (tile[axis] as number);
      if ((starts[axis] as number) < (extents[axis] as number)) break;
      starts[axis] = 0;
    }
    if (axis < 0) return;
  }
}

export function countTiles(extents: readonly number[], tile: readonly number[]): number {
  return extents.reduce((n, e, i) => n * Math.ceil(e / (tile[i] as number)), 1);
}

/**
 * Bytes one tile may take so that a stream of tiles pipelines: at most a share of the capacity,
 * and small enough that the first load and the last store are a small part of the whole.
 * @param chance  draws the budget instead: so that some 32 tiles come of it at most
 */
export function streamBudget(totalBytes: number, capacity: number, chance: Random | null): number {
  if (chance !== null) return Math.min(capacity, Math.max(256, Math.ceil(totalBytes / chance.integer(1, 16))));
  const pipelined = Math.max(4096, Math.ceil(totalBytes / 8));
  return Math.min(capacity, pipelined);
}
