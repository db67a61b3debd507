/** How a cache lies in the state: which elements of it the past has, and which a run writes. */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import type { ValueId } from '../../graph/index.ts';
import type { MovePart } from './spec.ts';

/** One tensor of the state, before and after a run. */
export interface Cache {
  /** A model input. */
  readonly past: ValueId;
  /** The bytes of a model output, which the cache has. */
  readonly present: ValueId;
  /** Rows (what lies along the axis it grows on) of the input, and of the output. */
  readonly pastRows: number;
  readonly rows: number;
  /** Rows of the input that stay; fewer than it has where both are as long and the last rows are written anew. */
  readonly keptRows: number;
  /** Elements of a row and all that is inside it. */
  readonly inner: number;
}

/** Where an element of the past lies in the present. */
function placeIn({ pastRows, rows, inner }: Cache, element: number): number {
  const planes = Math.floor(element / (pastRows * inner));
  return element + planes * (rows - pastRows) * inner;
}

/** Whether a part that begins at element `offset` of the present has every element where `placeIn` says: along each axis the part stays within a plane, or goes from plane to plane. */
export function keepsPlace(cache: Cache, part: MovePart, offset: number): boolean {
  const plane = cache.pastRows * cache.inner;
  const begin = (part.src.offset ?? 0) + part.srcOffset;
  if (offset !== placeIn(cache, begin)) return false;
  let last = begin % plane;
  for (const [axis, extent] of part.extents.entries()) {
    const [from = 0, to = 0] = [part.srcStrides[axis], part.dstStrides[axis]];
    if (extent === 1) continue;
    if (from % plane === 0) {
      if (to !== placeIn(cache, from)) return false;
    } else {
      if (to !== from) return false;
      last += (extent - 1) * from;
    }
  }
  return last < plane;
}

/** Whether the past lies in one piece: nothing is outside the axis it grows on, or it does not grow. */
export function isDense({ pastRows, rows, inner }: Cache, shape: readonly number[]): boolean {
  return pastRows === rows || elementCount(shape) === pastRows * inner;
}

/** Of the past in the present, in elements. */
export function stridesOf(cache: Cache, shape: readonly number[]): readonly number[] {
  return rowMajorStrides(shape).map((s) => placeIn(cache, s));
}

/** How many elements of the first `end` of the present stay as they were. */
function pastBefore({ keptRows, rows, inner }: Cache, end: number): number {
  const plane = rows * inner;
  return Math.floor(end / plane) * keptRows * inner + Math.min(end % plane, keptRows * inner);
}

/** How many elements of the present from `begin` to `end` are new. */
export function newElements(cache: Cache, begin: number, end: number): number {
  return end - begin - (pastBefore(cache, end) - pastBefore(cache, begin));
}
