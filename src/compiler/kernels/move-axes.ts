/**
 * Data movement axis by axis: along each axis the output is a row of segments, each a straight walk over the source or a fill; the boxes
 * of the whole are their products.
 */
import { rowMajorStrides } from '../../core/index.ts';

/** Longer lists of places would take longer than the copies they describe. */
export const longestAxis: number = 2 ** 20;

/** Output indices from `at` on, as loops over `extents`. Steps in indices, of the source and of the output. */
export interface Segment {
  readonly at: number;
  readonly extents: readonly number[];
  /** null: filled. */
  readonly source: { readonly at: number; readonly steps: readonly number[] } | null;
  readonly steps: readonly number[];
}

export interface Box {
  readonly extents: readonly number[];
  /** Elements. null: filled. */
  readonly source: { readonly offset: number; readonly strides: readonly number[] } | null;
  readonly dstOffset: number;
  readonly dstStrides: readonly number[];
}

export function straightSegment(extent: number, from = 0, step = 1, at = 0): Segment {
  return { at, extents: [extent], source: { at: from, steps: [step] }, steps: [1] };
}

export function fillSegment(extent: number, at: number): Segment {
  return { at, extents: [extent], source: null, steps: [1] };
}

/**
 * Segments of an axis whose output index o reads source index map[o]; -1: filled. Repeats that are equally long become one segment of two
 * loops, straight runs one of one.
 */
export function segmentsOf(map: readonly number[]): readonly Segment[] {
  const repeat = repetition(map);
  if (repeat > 1) {
    const picked = map.filter((_, o) => o % repeat === 0);
    const [only, ...rest] = runsOf(picked);
    if (only?.source && rest.length === 0) {
      const [extent = 1] = only.extents;
      return [
        { at: 0, extents: [extent, repeat], source: { at: only.source.at, steps: [only.source.steps[0] ?? 1, 0] }, steps: [repeat, 1] },
      ];
    }
  }
  return runsOf(map);
}

/** How often each index comes in a row, where that is the same for all; 1 otherwise. */
function repetition(map: readonly number[]): number {
  const first = map.findIndex((m) => m !== map[0]);
  const repeat = first < 0 ? map.length : first;
  if (repeat < 2 || map.length % repeat !== 0 || map.includes(-1)) return 1;
  return map.every((m, o) => m === map[o - (o % repeat)]) ? repeat : 1;
}

function runsOf(map: readonly number[]): readonly Segment[] {
  const segments: Segment[] = [];
  for (let o = 0; o < map.length;) {
    const first = map[o] ?? 0;
    let end = o + 1;
    if (first < 0) {
      while (end < map.length && (map[end] ?? 0) < 0) end++;
      segments.push(fillSegment(end - o, o));
    } else {
      const step = (map[end] ?? first + 1) - first;
      const straight = end < map.length && (map[end] ?? -1) >= 0;
      while (straight && end < map.length && (map[end] ?? -1) === first + step * (end - o)) end++;
      segments.push(straightSegment(end - o, first, straight ? step : 1, o));
    }
    o = end;
  }
  return segments;
}

/**
 * The boxes of an output made of these segments along each of its axes.
 * @param source  shape of the source, one axis for each of the output
 * @returns null where there would be more than `limit`
 */
export function boxesOf(
  source: readonly number[],
  output: readonly number[],
  axes: readonly (readonly Segment[])[],
  limit: number,
): readonly Box[] | null {
  const from = rowMajorStrides(source);
  const to = rowMajorStrides(output);
  if (axes.reduce((n, segments) => n * segments.length, 1) > limit) return null;
  let boxes: Box[] = [{ extents: [], source: { offset: 0, strides: [] }, dstOffset: 0, dstStrides: [] }];
  axes.forEach((segments, axis) => {
    const [s, d] = [from[axis] ?? 1, to[axis] ?? 1];
    boxes = boxes.flatMap((box) =>
      segments.map((g): Box => ({
        extents: [...box.extents, ...g.extents],
        source:
          box.source === null || g.source === null
            ? null
            : { offset: box.source.offset + g.source.at * s, strides: [...box.source.strides, ...g.source.steps.map((step) => step * s)] },
        dstOffset: box.dstOffset + g.at * d,
        dstStrides: [...box.dstStrides, ...g.steps.map((step) => step * d)],
      })),
    );
  });
  return boxes.filter((box) => !box.extents.includes(0));
}
